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

-- Makes ready jobs, each {run_at, place, queue, priority}, running ones of a worker; returns them as a claim's answer.
function Workers.start(worker, taken)
  if #taken == 0 then
    return {}
  end
  local bands, running, bodies, answer, expiring = {}, {}, {}, {}, {}
  for number, each in ipairs(taken) do
    local run_at, place, queue, priority = each[1], each[2], each[3], each[4]
    local id = Jobs.id(place)
    local key = Jobs.key(id)
    local said = call('HMGET', key, 'plain', 'attempt', 'max_crashes', 'created_at')
    if said[1] and not said[2] then
      said = {false, false, false, said[3], false, false, false, false, false, false, said[4]}  -- nothing else is there
    else
      said = call('HMGET', key, unpack(CHANGES))
    end
    local attempt = (tonumber(said[1]) or 0) + 1
    call('HSET', key, 'state', 'running', 'worker', worker, 'started_at', int(now), 'attempt', attempt)
    local band = bands[queue .. '\n' .. priority]
    if not band then
      band = {queue = queue, priority = priority}
      bands[queue .. '\n' .. priority] = band
    end
    band[#band + 1] = place
    running[#running + 1] = int(run_at)
    running[#running + 1] = place
    if said[13] then
      Unique.started(said[13], place)
    end
    if said[12] then
      expiring[#expiring + 1] = place
    end
    bodies[number] = P .. 'body:' .. id
    answer[number] = {
      place, queue, tonumber(priority), int(run_at), attempt, tonumber(said[2]) or 0, tonumber(said[3]) or 0,
      tonumber(said[4]), tonumber(said[5]) or 0, said[6] and 1 or 0, said[7], said[8], said[9], said[10], said[11],
    }
  end
  for _, band in pairs(bands) do
    Ready.remove(band.queue, band.priority, band)
    Jobs.count(band.queue, 'ready', -#band)
    Jobs.count(band.queue, 'running', #band)
  end
  in_parts('ZADD', P .. 'running:' .. worker, running)
  if #expiring > 0 then
    in_parts('ZREM', P .. 'expiring', expiring)
  end
  for _, each in ipairs(answer) do
    if each[12] then
      Flows.started(each[12], each[1])
    end
  end
  Jobs.settle()
  return {int(now), answer, call('MGET', unpack(bodies))}
end

-- A process is dead: its entry stays a while for people to see.
function Workers.bury(worker)
  call('ZREM', P .. 'leases', worker)
  local beat_at = call('HGET', P .. 'worker:' .. worker, 'beat_at')
  if beat_at then
    call('ZADD', P .. 'gone', beat_at, worker)
  end
end
