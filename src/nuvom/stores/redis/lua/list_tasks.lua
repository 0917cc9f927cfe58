-- needs: store
-- The rows of the tasks that workers reported: names, each with its JSON.
return call('HGETALL', P .. 'tasks')
