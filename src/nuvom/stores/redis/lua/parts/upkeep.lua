-- needs: store, jobs, windows, flows
-- What becomes of flows between jobs: they come from another store, give on the places of jobs that are gone, are forgotten.
local MOST = 5000  -- running jobs that are looked at in one script

-- Returns the flow of an entry in `flows`.
local function flow_of(entry)
  return string.sub(entry, string.find(entry, '\0', 1, true) + 1)
end

-- Returns how many jobs of each flow run, by what is there of them; nil where they are too many to look at once.
function Upkeep.running()
  local workers, number, counts = call('ZRANGE', P .. 'leases', 0, -1), 0, {}
  for _, worker in ipairs(workers) do
    number = number + call('ZCARD', P .. 'running:' .. worker)
  end
  if number > MOST then
    return nil
  end
  for _, worker in ipairs(workers) do
    for _, place in ipairs(call('ZRANGE', P .. 'running:' .. worker, 0, -1)) do
      local flow = call('HGET', Jobs.key(Jobs.id(place)), 'flow')
      if flow then
        counts[flow] = (counts[flow] or 0) + 1
      end
    end
  end
  return counts
end

-- Tells whether jobs wait for a flow, by its entry in `flows`.
function Upkeep.is_waited_for(entry)
  return call('EXISTS', P .. 'turns:' .. flow_of(entry)) == 1
end

-- Takes their places from jobs of a flow that are gone: the ready ones, and the running ones where `counts` says those.
function Upkeep.mend(entry, counts)
  local flow = flow_of(entry)
  for _, place in ipairs(call('SMEMBERS', P .. 'granted:' .. flow)) do
    if call('EXISTS', Jobs.key(Jobs.id(place))) == 0 then
      call('SREM', P .. 'granted:' .. flow, place)
      Flows.note(flow)
    end
  end
  if counts and (tonumber(call('HGET', P .. 'flow:' .. flow, 'running')) or 0) ~= (counts[flow] or 0) then
    call('HSET', P .. 'flow:' .. flow, 'running', counts[flow] or 0)
    Flows.note(flow)
  end
end

-- Forgets a flow, by its entry in `flows`, that says nothing its next job needs to know: none is open, no start counts.
function Upkeep.forget(entry)
  local flow = flow_of(entry)
  local said = call('HMGET', P .. 'flow:' .. flow, 'open', 'rate', 'limit', 'period', 'starts')
  if tonumber(said[1] or 0) > 0 then
    return
  end
  if said[2] and said[5] then
    local rate = {limit = tonumber(said[3]), period = tonumber(said[4])}
    if #Windows.counted(Flows.read_starts(said[5]), rate, now, 0) > 0 then
      return
    end
  end
  call('DEL', P .. 'flow:' .. flow)
  call('ZREM', P .. 'flows', entry)
  call('ZREM', P .. 'opening', flow)
  call('ZREM', P .. 'shut', flow)
end

-- Stores a flow as it was elsewhere, if it is not there; `fields` has its row, and `opens_at` with `shut_at`.
function Upkeep.keep(flow, task, fields)
  if call('HEXISTS', P .. 'flow:' .. flow, 'task') == 1 then
    return false
  end
  if fields.opens_at then
    call('ZADD', P .. 'opening', fields.opens_at, flow)
    call('ZADD', P .. 'shut', fields.shut_at, flow)
  end
  fields.opens_at, fields.shut_at = nil, nil
  call('HSET', P .. 'flow:' .. flow, 'task', task)
  for name, value in pairs(fields) do
    call('HSET', P .. 'flow:' .. flow, name, value)
  end
  call('ZADD', P .. 'flows', 0, task .. '\0' .. flow)
  return true
end
