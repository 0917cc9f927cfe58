-- needs: store, workers
-- Extend leases that have not run out. ARGV: 2 the lease in microseconds, 3 JSON of the ids. Returns those that had.
local dead = {}
for _, worker in ipairs(cjson.decode(ARGV[3])) do
  if Workers.lives(worker) then
    call('ZADD', P .. 'leases', int(now + tonumber(ARGV[2])), worker)
    call('HSET', P .. 'worker:' .. worker, 'beat_at', int(now))
  else
    dead[#dead + 1] = worker
  end
end
return dead
