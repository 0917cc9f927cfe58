-- needs: store, flows
-- Jobs that were running when a process died: each is claimed alone. Few, so that every queue has one index of them.

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
local function fits(place, passed)
  local key = Jobs.key(Jobs.id(place))
  local said = call('HMGET', key, 'task', 'priority', 'flow')
  if said[3] and Flows.are_limiting() then
    Flows.refresh(said[3])
    if call('HGET', key, 'state') ~= 'ready' then
      return nil
    end
  end
  return not passed[said[1]] and said[2]
end

-- Returns the suspect that waits longest as {run_at, place, queue, priority}, of some queues (JSON, nil for all), but none
-- of some tasks (JSON) and none that was due after `latest`.
function Suspects.best(wanted, excluding, latest)
  local passed, best = {}, nil
  for _, task in ipairs(excluding and cjson.decode(excluding) or {}) do
    passed[task] = true
  end
  for _, queue in ipairs(wanted and cjson.decode(wanted) or call('SMEMBERS', P .. 'suspect_queues')) do
    local found = call('HEXISTS', P .. 'paused', queue) == 0 and call('ZRANGE', Suspects.key(queue), 0, -1, 'WITHSCORES') or {}
    for at = 1, #found, 2 do
      local place, run_at = found[at], tonumber(found[at + 1])
      local is_worse = best and (run_at > best[1] or run_at == best[1] and place > best[2])
      if is_worse or latest and run_at > latest then
        break
      end
      local priority = fits(place, passed)
      if priority then
        best = {run_at, place, queue, priority}
        break
      end
    end
  end
  return best
end
