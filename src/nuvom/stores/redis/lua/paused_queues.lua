-- needs: store
-- The paused queues, each with since when and what was said about it.
return call('HGETALL', P .. 'paused')
