-- needs: store, flows
-- Say in how many microseconds the next job is due, gives up or may start by its rate, and when the earliest lease ends of
-- a process that lives or still holds jobs; as texts, empty for never.

-- Returns the earliest time of an index.
local function first(name)
  return tonumber(call('ZRANGE', P .. name, 0, 0, 'WITHSCORES')[2])
end

local function earliest()
  if Flows.are_limiting() or #call('ZRANGEBYSCORE', P .. 'shut', '(' .. int(now), '+inf', 'LIMIT', 0, 1) > 0 then
    return now
  end
  local found
  for _, name in ipairs({'delayed', 'expiring', 'opening'}) do
    local moment = first(name)
    if moment and (not found or moment < found) then
      found = moment
    end
  end
  return found
end

local function next_lease()
  for _, worker in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '-inf', int(now))) do
    if call('EXISTS', P .. 'running:' .. worker) == 1 then
      return tonumber(call('ZSCORE', P .. 'leases', worker))
    end
  end
  return tonumber(call('ZRANGEBYSCORE', P .. 'leases', '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2])
end

local function from_now(moment)
  return moment and int(moment - now) or ''
end

return {from_now(earliest()), from_now(next_lease())}
