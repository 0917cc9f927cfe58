-- needs: store, jobs, losses, workers
-- Free the running jobs of processes whose lease ran out, and forget processes that died more than ARGV[2] microseconds
-- ago. Returns how many jobs there were.
local lost = 0
for _, worker in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '-inf', int(now))) do
  Workers.bury(worker)
  lost = lost + Losses.of(worker, 'lost', 'its lease ran out', true)
end
local before = '(' .. int(now - tonumber(ARGV[2]))
for _, worker in ipairs(call('ZRANGEBYSCORE', P .. 'gone', '-inf', before, 'LIMIT', 0, 100)) do
  call('ZREM', P .. 'gone', worker)
  call('DEL', P .. 'worker:' .. worker)
end
Jobs.settle()
return lost
