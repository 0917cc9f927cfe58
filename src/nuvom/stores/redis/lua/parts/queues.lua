-- needs: store, ready, suspects
-- Queues as people look at them.

-- Returns run_at of the ready job that waits longest in each of some queues; nothing for one without any.
function Queues.oldest(queues)
  local found = {}
  local function note(queue, run_at)
    run_at = tonumber(run_at)
    if run_at and (not found[queue] or run_at < found[queue]) then
      found[queue] = run_at
    end
  end
  for _, priority in ipairs(#queues > 0 and call('ZRANGE', P .. 'priorities', 0, -1) or {}) do
    for from = 1, #queues, 1000 do
      local part = {unpack(queues, from, math.min(from + 999, #queues))}
      for place, head in ipairs(call('ZMSCORE', P .. 'heads:' .. priority, unpack(part))) do
        note(part[place], head or nil)
      end
    end
  end
  local paused, suspects = as_table(call('HGETALL', P .. 'paused')), call('SMEMBERS', P .. 'suspect_queues')
  for _, queue in ipairs(queues) do
    if paused[queue] then
      for _, priority in ipairs(call('SMEMBERS', Ready.asleep(queue))) do
        note(queue, call('ZRANGE', Ready.band(queue, priority), 0, 0, 'WITHSCORES')[2])
      end
    end
  end
  for _, queue in ipairs(suspects) do
    note(queue, call('ZRANGE', Suspects.key(queue), 0, 0, 'WITHSCORES')[2])
  end
  return found
end
