-- needs: store
-- Forget queues in which nothing waits or runs: a bounded step. ARGV[2] is where it stands. Returns where to go on, `0` at
-- the end.
local page = call('SSCAN', P .. 'queues', ARGV[2], 'COUNT', 500)
for _, queue in ipairs(page[2]) do
  local any = false
  for _, number in ipairs(call('HVALS', P .. 'queue:' .. queue)) do
    any = any or tonumber(number) ~= 0
  end
  if not any then
    call('SREM', P .. 'queues', queue)
    call('DEL', P .. 'queue:' .. queue)
  end
end
return page[1]
