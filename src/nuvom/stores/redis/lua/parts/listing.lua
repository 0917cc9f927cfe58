-- needs: store, jobs
-- Jobs as people look at them: those among some places that fit what is asked for.

-- Returns {place, fields, body, what is large} of at most `room` jobs that fit, and the place that was looked at last.
-- `wanted` has `states`, a set, `task` and `queue`; what it lacks may be anything.
function Listing.among(places, wanted, room)
  local found, last = {}, nil
  for _, place in ipairs(places) do
    if #found >= room then
      break
    end
    last = place
    local id = Jobs.id(place)
    local said = call('HMGET', Jobs.key(id), 'state', 'task', 'queue', 'has_large')
    local fits = said[1] and (not wanted.states or wanted.states[said[1]])
    fits = fits and (not wanted.task or wanted.task == said[2]) and (not wanted.queue or wanted.queue == said[3])
    if fits then
      local large = said[4] and call('HGETALL', P .. 'large:' .. id) or {}
      found[#found + 1] = {place, call('HGETALL', Jobs.key(id)), call('GET', P .. 'body:' .. id), large}
    end
  end
  return found, last
end
