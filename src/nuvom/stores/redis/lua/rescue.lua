-- needs: store, jobs, losses, workers
-- Free running jobs of processes whose lease ran out, and forget processes that died more than ARGV[2] microseconds ago: a
-- step of ARGV[3] jobs. Returns how many there were, and 1 if there may be more.
local room, lost = tonumber(ARGV[3]), 0
local expired = call('ZRANGEBYSCORE', P .. 'leases', '-inf', int(now), 'LIMIT', 0, room)
local left = #expired
for _, worker in ipairs(expired) do
  if lost >= room then
    break
  end
  lost = lost + Losses.of(worker, 'lost', 'its lease ran out', true, room - lost)
  if call('EXISTS', P .. 'running:' .. worker) == 1 then
    call('ZADD', P .. 'leases', 0, worker)  -- it stays dead whatever the clock says
  else
    Workers.bury(worker)
    left = left - 1
  end
end
local before = '(' .. int(now - tonumber(ARGV[2]))
for _, worker in ipairs(call('ZRANGEBYSCORE', P .. 'gone', '-inf', before, 'LIMIT', 0, 100)) do
  call('ZREM', P .. 'gone', worker)
  call('DEL', P .. 'worker:' .. worker)
end
Jobs.settle()
return {lost, (left > 0 or #expired == room) and 1 or 0}
