-- needs: store, ready
-- Let no claim take anything of a queue. ARGV: 2 the queue, 3 what is said about it, from its second letter on; empty for
-- nothing. Returns 0 where it was paused already: then only that changes.
local queue = ARGV[2]
local since = call('HGET', P .. 'paused', queue)
call('HSET', P .. 'paused', queue, (since and string.match(since, '^%d+') or int(now)) .. ARGV[3])
if since then
  return 0
end
for _, priority in ipairs(call('ZRANGE', P .. 'priorities', 0, -1)) do
  Ready.look(queue, priority)
end
return 1
