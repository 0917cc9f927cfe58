-- needs: store
-- What a process asks of a server first, and again now and then. ARGV: 2 the release's schema, 3 the oldest release's
-- schema that can work beside it, 4 a random id for a store that is made now (none: it is only looked at).
-- Returns the time, the schema of the store, the oldest that can work beside it, and since when it is this store and no
-- other: a server that lost all makes a new one.
if given(4) and call('EXISTS', P .. 'meta') == 0 then
  call('HSET', P .. 'meta', 'schema', ARGV[2], 'compatible_from', ARGV[3], 'born', ARGV[4], 'made_at', int(now))
end
local meta = call('HMGET', P .. 'meta', 'schema', 'compatible_from', 'born')
local time = call('TIME')
return {int(time[1] * 1000000 + time[2]), meta[1] or ARGV[2], meta[2] or ARGV[3], meta[3] or ''}
