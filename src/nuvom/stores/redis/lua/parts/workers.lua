-- needs: store, ready, jobs, flows, unique
-- Leases, and how jobs become a worker's. `leases` says until when each process lives, `worker:<id>` what it said of
-- itself; an id whose lease was ended or forgotten never lives again. `gone` has those that are to be looked at for a
-- while after their end, by when they were heard of last.

function Workers.lives(worker)
  local lease = call('ZSCORE', P .. 'leases', worker)
  return lease and tonumber(lease) > now
end

local CHANGES = {
  'attempt', 'errors', 'crashes', 'max_crashes', 'defers', 'suspect', 'key', 'flow', 'schedule', 'scheduled_for',
  'created_at', 'expires_at', 'unique',
}

-- Makes a ready job a running one; returns what changes of it as a part of a claim's answer, nil where the job is gone.
local function start(worker, time, run_at, place, queue, priority)
  local key = Jobs.key(Jobs.id(place))
  local plain = call('HMGET', key, 'plain', 'attempt')
  if plain[1] and not plain[2] then  -- as it was pushed, and nothing else is there
    call('HSET', key, 'state', 'running', 'worker', worker, 'started_at', time, 'attempt', '1')
    return {place, queue, priority, run_at, plain[1]}
  end
  local said = call('HMGET', key, unpack(CHANGES))
  if not said[4] then
    return nil
  end
  if plain[1] then
    call('HDEL', key, 'plain')  -- by which a job at its first attempt is known
  end
  local attempt = (tonumber(said[1]) or 0) + 1
  call('HSET', key, 'state', 'running', 'worker', worker, 'started_at', time, 'attempt', attempt)
  if said[13] then
    Unique.started(said[13], place)
  end
  if said[12] then
    call('ZREM', P .. 'expiring', place)
  end
  return {
    place, queue, priority, run_at, said[4], said[11], attempt, tonumber(said[2]) or 0, tonumber(said[3]) or 0,
    tonumber(said[5]) or 0, said[6] and 1 or 0, said[7], said[8], said[9], said[10],
  }
end

-- Makes ready jobs, each {run_at, place, queue, priority}, running ones of a worker; returns them as a claim's answer: when
-- they started, what changes of each, which is little of one that came in the quick way and starts first, and their bodies.
-- A job that is gone, because the server threw it away or somebody deleted it, is passed over. `are_first` says that they
-- are all at the beginning of their bands.
function Workers.start(worker, taken, are_first)
  local bands, running, bodies, answer = {}, {}, {}, {}
  local time, number, band = int(now), 0, nil
  for _, each in ipairs(taken) do
    local run_at, place, queue, priority = each[1], each[2], each[3], each[4]
    if not band or band.queue ~= queue or band.priority ~= priority then  -- most are of one
      local name = queue .. '\n' .. priority
      band = bands[name] or {queue = queue, priority = priority, started = 0}
      bands[name] = band
    end
    band[#band + 1] = place
    local changing = start(worker, time, run_at, place, queue, priority)
    if changing then
      number = number + 1
      band.started = band.started + 1
      answer[number] = changing
      running[2 * number - 1], running[2 * number] = run_at, place
      bodies[number] = P .. 'body:' .. Jobs.id(place)
    end
  end
  for _, each in pairs(bands) do
    if are_first then
      Ready.remove_first(each.queue, each.priority, #each)
    else
      Ready.remove(each.queue, each.priority, each)
    end
    Jobs.count(each.queue, 'ready', -#each)
    Jobs.count(each.queue, 'running', each.started)
  end
  in_parts('ZADD', P .. 'running:' .. worker, running)
  for _, each in ipairs(answer) do
    if each[13] then
      Flows.started(each[13], each[1])
    end
  end
  Jobs.settle()
  return number > 0 and {time, answer, call('MGET', unpack(bodies))} or {}
end

-- A process is dead: its entry stays a while for people to see.
function Workers.bury(worker)
  call('ZREM', P .. 'leases', worker)
  local beat_at = call('HGET', P .. 'worker:' .. worker, 'beat_at')
  if beat_at then
    call('ZADD', P .. 'gone', beat_at, worker)
  end
end
