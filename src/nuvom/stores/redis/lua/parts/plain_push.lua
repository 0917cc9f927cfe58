-- needs: store
-- The quick way in, which ends the script before the other parts are made: ready jobs alike, that nothing limits.
-- ARGV, where [2] is empty: 3 their task, 4 queue, 5 priority and 6 max_crashes that the call said (empty: nothing), 7, 8
-- and 9 those of the code that pushed them, then the id and the body of each. Anything else takes the long way.
local Plain = {first = 10}

function Plain.push(said)
  local task, queue = ARGV[3], given(4) or said.queue
  local priority, max_crashes = int(given(5) or said.priority), int(given(6) or said.max_crashes)
  local keys, bodies, seen = {}, {}, {}
  for at = Plain.first, #ARGV, 2 do
    local id = ARGV[at]
    keys[#keys + 1] = P .. 'job:' .. id
    bodies[#bodies + 1] = P .. 'body:' .. id
    bodies[#bodies + 1] = ARGV[at + 1]
    if seen[id] then
      return false
    end
    seen[id] = true
  end
  if call('EXISTS', unpack(keys)) > 0 then
    return false
  end
  local seq, time = call('INCRBY', P .. 'seq', #keys) - #keys, int(now)
  local listing, band = {}, {}
  for number, key in ipairs(keys) do
    local place = string.format('%012x', seq + number) .. ARGV[Plain.first + 2 * number - 2]
    listing[2 * number - 1], listing[2 * number] = seq + number, place
    band[2 * number - 1], band[2 * number] = time, place
    call(
      'HSET', key, 'seq', seq + number, 'plain', max_crashes, 'max_crashes', max_crashes, 'created_at', time,
      'queue', queue, 'state', 'ready', 'task', task, 'priority', priority, 'run_at', time
    )
  end
  call('MSET', unpack(bodies))
  call('ZADD', P .. 'jobs', unpack(listing))
  call('ZADD', P .. 'ready:' .. priority .. ':' .. queue, unpack(band))
  if call('HINCRBY', P .. 'queue:' .. queue, 'ready', #keys) == #keys then
    call('SADD', P .. 'queues', queue)
  end
  if call('HEXISTS', P .. 'paused', queue) == 1 then
    call('SADD', P .. 'asleep:' .. queue, priority)
  elseif call('ZADD', P .. 'heads:' .. priority, 'LT', time, queue) == 1 then
    call('ZADD', P .. 'priorities', -priority, priority)
  end
  Wake.say('worker')
  return true
end

-- Returns the jobs as the long way takes them.
function Plain.jobs()
  local jobs = {}
  for at = Plain.first, #ARGV, 2 do
    jobs[#jobs + 1] = {
      id = ARGV[at], task = ARGV[3], body = ARGV[at + 1],
      queue = given(4), priority = tonumber(ARGV[5]), max_crashes = tonumber(ARGV[6]),
      defaults = {queue = ARGV[7], priority = tonumber(ARGV[8]), max_crashes = tonumber(ARGV[9])},
    }
  end
  return jobs
end

if ARGV[2] == '' then
  local row = call('HGET', P .. 'tasks', ARGV[3])
  local said = row and cjson.decode(row) or {queue = ARGV[7], priority = ARGV[8], max_crashes = ARGV[9]}
  if not is_limited(said) and Plain.push(said) then
    return {}
  end
end
