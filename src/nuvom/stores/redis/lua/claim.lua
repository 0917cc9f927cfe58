-- needs: store, ready, jobs, flows, workers
-- Turn ready jobs into running ones of a worker that lives, the best first; heads of each priority before them if asked.
-- ARGV: 2 worker, 3 limit, 4 JSON of the queues (none: all), 5 JSON of tasks to pass over (none: none), 6 `fair` or
-- `best`, 7 the latest run_at (none: any). Returns for each what changes of it, then its body.
local worker, limit = ARGV[2], tonumber(ARGV[3])
local wanted, excluding, latest = given(4), given(5), tonumber(ARGV[7])
if not Workers.lives(worker) then
  return {}
end
local queues = wanted and cjson.decode(wanted)
local passed = {}
for _, task in ipairs(excluding and cjson.decode(excluding) or {}) do
  passed[task] = true
end
local gave_up = #call('ZRANGEBYSCORE', P .. 'expiring', '-inf', int(now), 'LIMIT', 0, 1) > 0
local limiting = Flows.are_limiting()
local PATIENCE = 2000  -- jobs that gave up at which a claim looks: a promotion ends them, so they stay in nobody's way
local may_pass = excluding or gave_up or limiting  -- whether a ready job may be one that is not to be claimed
local given_up = 0
local taken = {}  -- candidates in their order; each {run_at, place, queue, priority}
local is_taken = {}

-- Tells whether a ready job may be claimed: its task is known here, and it did not give up.
local function fits(place)
  if is_taken[place] then
    return false
  end
  if not may_pass then
    return true
  end
  local key = Jobs.key(Jobs.id(place))
  local said = call('HMGET', key, 'task', 'expires_at', 'attempt', 'flow')
  if limiting and said[4] then
    Flows.refresh(said[4])
    if call('HGET', key, 'state') ~= 'ready' then
      return false
    end
  end
  local over = said[2] and not said[3] and tonumber(said[2]) <= now
  given_up = given_up + (over and 1 or 0)
  return not over and not passed[said[1]]
end

-- Returns the first jobs of a band that fit, at most `room`.
local function first_of(queue, priority, room)
  local band, found, from = Ready.band(queue, priority), {}, 0
  while #found < room do
    local page = call('ZRANGE', band, from, from + room - 1, 'WITHSCORES')
    for at = 1, #page, 2 do
      if latest and tonumber(page[at + 1]) > latest then
        return found
      end
      if #found < room and fits(page[at]) then
        found[#found + 1] = {tonumber(page[at + 1]), page[at], queue, priority}
      end
    end
    if #page < 2 * room or given_up > PATIENCE then
      return found
    end
    from = from + room
  end
  return found
end

local function by_age(one, other)
  if one[1] ~= other[1] then
    return one[1] < other[1]
  end
  return one[2] < other[2]
end

-- Returns the queues whose first job of a priority is among the oldest.
local function queues_with(priority, room)
  local heads = P .. 'heads:' .. priority
  if not queues then
    return call('ZRANGE', heads, 0, may_pass and -1 or room - 1)
  end
  local found = {}
  for place, head in ipairs(#queues > 0 and call('ZMSCORE', heads, unpack(queues)) or {}) do
    if head then
      found[#found + 1] = queues[place]
    end
  end
  return found
end

local function take(candidates, room, bands)
  if bands > 1 then  -- those of one are in order
    table.sort(candidates, by_age)
  end
  for place = 1, math.min(room, #candidates) do
    taken[#taken + 1] = candidates[place]
  end
end

local priorities = call('ZRANGE', P .. 'priorities', 0, -1)
if ARGV[6] == 'fair' then
  local heads = {}
  for _, priority in ipairs(priorities) do
    for _, queue in ipairs(queues_with(priority, limit)) do
      heads[#heads + 1] = first_of(queue, priority, 1)[1]
    end
  end
  take(heads, limit, #heads)
  for _, each in ipairs(taken) do
    is_taken[each[2]] = true
  end
end
for _, priority in ipairs(priorities) do
  local room = limit - #taken
  if room <= 0 then
    break
  end
  local candidates = {}
  local serving = queues_with(priority, room)
  for number, queue in ipairs(serving) do
    local found = first_of(queue, priority, room)
    if number == 1 then
      candidates = found
    else
      append(candidates, found)
    end
  end
  take(candidates, room, #serving)
end
return Workers.start(worker, taken, not may_pass)
