-- needs: store
-- The fence of the schedule ARGV[2], and the definition there.
return {call('HGET', P .. 'fences', ARGV[2]), call('HGET', P .. 'fence_definitions', ARGV[2])}
