-- needs: store, ready
-- Let a queue go on. ARGV[2] is the queue. Returns 0 where it was not paused.
local queue = ARGV[2]
if call('HDEL', P .. 'paused', queue) == 0 then
  return 0
end
for _, priority in ipairs(call('SMEMBERS', Ready.asleep(queue))) do
  Ready.look(queue, priority)
end
call('DEL', Ready.asleep(queue))
Wake.say('worker')
return 1
