-- needs: store
-- The jobs that may start. Each queue and priority has a band, ordered by run_at and then by push; `heads` of a priority
-- say which queues have one and when its first job was due, `priorities` which priorities have any: the highest first.
-- A claim so looks at no more bands than it takes jobs, however many queues there are. A paused queue has no heads.
-- A place in an index is the job's number as 12 hexadecimal digits and its id: equals are in the order of their pushes.
local coming = {}

function Ready.band(queue, priority)
  return P .. 'ready:' .. priority .. ':' .. queue
end

-- Which priorities a paused queue has jobs of, or had: the bands that get their heads back.
function Ready.asleep(queue)
  return P .. 'asleep:' .. queue
end

-- Sees to it that the head of a band is what it begins with.
function Ready.look(queue, priority)
  local heads = P .. 'heads:' .. priority
  local head = call('ZRANGE', Ready.band(queue, priority), 0, 0, 'WITHSCORES')
  local paused = head[2] and call('HEXISTS', P .. 'paused', queue) == 1
  if paused then
    call('SADD', Ready.asleep(queue), priority)
  end
  if head[2] and not paused then
    call('ZADD', heads, head[2], queue)
    call('ZADD', P .. 'priorities', -priority, priority)
  elseif call('ZREM', heads, queue) == 1 and call('EXISTS', heads) == 0 then
    call('ZREM', P .. 'priorities', priority)
  end
end

-- Notes a job that becomes ready; it is there after `Ready.settle`.
function Ready.add(queue, priority, run_at, place)
  local bands = coming[queue]
  if not bands then
    bands = {}
    coming[queue] = bands
  end
  local band = bands[priority]
  if not band then
    band = {}
    bands[priority] = band
  end
  band[#band + 1] = run_at
  band[#band + 1] = place
end

-- Forgets of what was noted what is not ready any more.
local function drop(band, places)
  local gone = {}
  for _, place in ipairs(places) do
    gone[place] = true
  end
  for at = #band, 2, -2 do
    if gone[band[at]] then
      table.remove(band, at)
      table.remove(band, at - 1)
    end
  end
end

-- Takes jobs out of a band.
function Ready.remove(queue, priority, places)
  local band = coming[queue] and coming[queue][priority]
  if band then
    drop(band, places)
  end
  in_parts('ZREM', Ready.band(queue, priority), places)
  Ready.look(queue, priority)
end

-- Puts what was noted into its bands; called once, after all else. Returns whether there was anything.
function Ready.settle()
  local any = false
  for queue, bands in pairs(coming) do
    for priority, band in pairs(bands) do
      if #band > 0 then
        in_parts('ZADD', Ready.band(queue, priority), band)
        Ready.look(queue, priority)
        any = true
      end
    end
  end
  coming = {}
  if any then
    Wake.say('worker')
  end
  return any
end
