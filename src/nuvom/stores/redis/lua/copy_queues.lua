-- needs: store, ready
-- Let queues rest as they did elsewhere; what is there stays. ARGV, of each: its name, and since when with what is said about
-- it. Returns how many were new.
local new = 0
for at = 2, #ARGV, 2 do
  local queue = ARGV[at]
  if call('HSETNX', P .. 'paused', queue, ARGV[at + 1]) == 1 then
    new = new + 1
    for _, priority in ipairs(call('ZRANGE', P .. 'priorities', 0, -1)) do
      Ready.look(queue, priority)
    end
  end
end
return new
