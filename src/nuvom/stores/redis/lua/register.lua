-- needs: store
-- Start the lease of a process. ARGV: 2 its id, 3 the lease in microseconds, 4 its kind, 5 what it says of itself as JSON.
call('ZADD', P .. 'leases', int(now + tonumber(ARGV[3])), ARGV[2])
call('HSET', P .. 'worker:' .. ARGV[2], 'kind', ARGV[4], 'said', ARGV[5], 'started_at', int(now), 'beat_at', int(now))
return 1
