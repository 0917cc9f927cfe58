-- needs: store, ended
-- The quick way out, before the other parts are made, of jobs that came in the quick way: they succeeded at their first
-- attempt, and nobody asked them to stop. What follows is that they are counted, and that sleepers are woken.
-- ARGV: 2 the worker, then of each outcome its place, its attempt and what it is: `+` and the value of one that succeeded,
-- `-` where there is none, else JSON.
local Quick = {first = 3, rest = {}}  -- the numbers of those that take the long way
local MOST = 65  -- SHORT of jobs.lua, and one
local JSON, VALUE = string.byte('{'), string.byte('+')

local time = int(now)

local nobody_asks = call('EXISTS', P .. 'asked:' .. ARGV[2]) == 0  -- one of these jobs to stop

local function succeeded(place, attempt, said, queues)
  local kind = string.byte(said)
  if not nobody_asks or attempt ~= '1' or kind == JSON or #said > MOST then
    return false
  end
  local key = P .. 'job:' .. string.sub(place, 13)
  local found = call('HMGET', key, 'plain', 'queue', 'worker')
  if not found[1] or found[3] ~= ARGV[2] then
    return false
  end
  if kind == VALUE then
    call('HSET', key, 'state', 'succeeded', 'worker', '', 'finished_at', time, 'value', string.sub(said, 2))
  else
    call('HSET', key, 'state', 'succeeded', 'worker', '', 'finished_at', time)
  end
  queues[found[2]] = (queues[found[2]] or 0) + 1
  return true
end

-- Counts what ended, takes it from the worker, and wakes those who sleep until it has.
local function settle(places, queues)
  in_parts('ZREM', P .. 'running:' .. ARGV[2], places)
  for queue, number in pairs(queues) do
    call('HINCRBY', P .. 'queue:' .. queue, 'running', -number)
    Ended.count(queue, 'succeeded', number)
  end
  call('HINCRBY', P .. 'totals', 'succeeded', #places)
  Ended.tell(places)
end

-- Returns an outcome as the long way takes it.
function Quick.outcome(number)
  local at = Quick.first + 3 * (number - 1)
  local said = ARGV[at + 2]
  local kind, outcome = string.byte(said), nil
  if kind == JSON then
    outcome = cjson.decode(said)
  else
    outcome = {verdict = 'succeeded', value = kind == VALUE and string.sub(said, 2) or nil}
  end
  outcome.place, outcome.attempt = ARGV[at], tonumber(ARGV[at + 1])
  return outcome
end

local places, queues = {}, {}
for at = Quick.first, #ARGV, 3 do
  local place = ARGV[at]
  if succeeded(place, ARGV[at + 1], ARGV[at + 2], queues) then
    places[#places + 1] = place
  else
    Quick.rest[#Quick.rest + 1] = (at - Quick.first) / 3 + 1
  end
end
if #places > 0 then
  settle(places, queues)
end
if #Quick.rest == 0 then
  return {}
end
