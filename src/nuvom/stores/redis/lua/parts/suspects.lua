-- needs: store, jobs, flows
-- Jobs that were running when a process died: each is claimed alone. Few, so that every queue has one index of them.
local PAGE = 20

function Suspects.key(queue)
  return P .. 'suspects:' .. queue
end

function Suspects.add(job)
  call('ZADD', Suspects.key(job.queue), job.run_at, job.place)
  call('SADD', P .. 'suspect_queues', job.queue)
  Wake.say('worker')
end

function Suspects.remove(job)
  local key = Suspects.key(job.queue)
  call('ZREM', key, job.place)
  if call('EXISTS', key) == 0 then
    call('SREM', P .. 'suspect_queues', job.queue)
  end
end

-- Tells whether a ready suspect may be claimed; returns its priority if so.
local function fits(place, passed, claims)
  local key = Jobs.key(Jobs.id(place))
  local said = call('HMGET', key, 'task', 'priority', 'flow')
  if claims and said[3] and Flows.are_limiting() then
    Flows.refresh(said[3])
    if call('HGET', key, 'state') ~= 'ready' then
      return nil
    end
  end
  return not passed[said[1]] and said[2]  -- the priority
end

-- Returns the suspect of a queue that waits longest as {run_at, place, queue, priority}, if it is better than another.
local function first_of(queue, passed, latest, other, claims)
  local from = 0
  while true do
    local page = call('ZRANGE', Suspects.key(queue), from, from + PAGE - 1, 'WITHSCORES')
    for at = 1, #page, 2 do
      local place, run_at = page[at], tonumber(page[at + 1])
      local is_worse = other and (run_at > other[1] or run_at == other[1] and place > other[2])
      if is_worse or latest and run_at > latest then
        return nil
      end
      local priority = fits(place, passed, claims)
      if priority then
        return {run_at, place, queue, priority}
      end
    end
    if #page < 2 * PAGE then
      return nil
    end
    from = from + PAGE
  end
end

-- Returns the suspect that waits longest, of some queues (JSON, nil for all), but none of some tasks (JSON) and none that
-- was due after `latest`. Who `claims` sees to it that its flow has the limits of now; `Jobs.settle` follows then.
function Suspects.best(wanted, excluding, latest, claims)
  local passed, best = set_of(excluding), nil
  for _, queue in ipairs(wanted and cjson.decode(wanted) or call('SMEMBERS', P .. 'suspect_queues')) do
    if call('HEXISTS', P .. 'paused', queue) == 0 then
      best = first_of(queue, passed, latest, best, claims) or best
    end
  end
  return best
end
