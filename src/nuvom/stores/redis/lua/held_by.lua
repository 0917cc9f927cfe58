-- needs: store, jobs
-- What a worker runs. ARGV[2] is the worker. Returns of each its place, id, attempt, queue, key, flow, and whether
-- it may run again.
local found = {}
for _, place in ipairs(call('ZRANGE', P .. 'running:' .. ARGV[2], 0, -1)) do
  local id = Jobs.id(place)
  local said = call('HMGET', Jobs.key(id), 'attempt', 'queue', 'key', 'flow', 'max_crashes')
  if said[1] then  -- else somebody deleted the job
    found[#found + 1] = {place, id, tonumber(said[1]), said[2], said[3], said[4], said[5] ~= '0' and 1 or 0}
  end
end
return found
