-- needs: store, ready, jobs, flows, workers
-- The processes that are known. Returns for each id, kind, what it said of itself, started_at, beat_at, how many jobs it
-- runs, and whether it lives.
local found = {}
for _, index in ipairs({'leases', 'gone'}) do
  for _, worker in ipairs(call('ZRANGE', P .. index, 0, -1)) do
    local said = call('HMGET', P .. 'worker:' .. worker, 'kind', 'said', 'started_at', 'beat_at')
    local running = call('ZCARD', P .. 'running:' .. worker)
    if said[1] then  -- else somebody deleted it
      found[#found + 1] = {worker, said[1], said[2], said[3], said[4], running, Workers.lives(worker) and 1 or 0}
    end
  end
end
return found
