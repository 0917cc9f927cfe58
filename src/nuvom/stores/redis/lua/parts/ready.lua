-- needs: store
-- The jobs that may start. Each queue and priority has a band, ordered by run_at and then by push; `heads` of a priority
-- say which queues have one and when its first job was due, `priorities` which priorities have any: the highest first.
-- A claim so looks at no more bands than it takes jobs, however many queues there are. A paused queue has no heads.
-- A place in an index is the job's number as 12 hexadecimal digits and its id: equals are in the order of their pushes.
local changed = {}  -- what comes into bands, by queue and priority; empty where jobs only left

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

local function band_of(queue, priority)
  local bands = changed[queue]
  if not bands then
    bands = {}
    changed[queue] = bands
  end
  local band = bands[priority]
  if not band then
    band = {}
    bands[priority] = band
  end
  return band
end

-- Notes a job that becomes ready; it is there after `Ready.settle`.
function Ready.add(queue, priority, run_at, place)
  local coming = band_of(queue, priority)
  coming[#coming + 1] = run_at
  coming[#coming + 1] = place
end

-- Forgets of what was noted what is not ready any more.
local function drop(coming, places)
  local gone = {}
  for _, place in ipairs(places) do
    gone[place] = true
  end
  for at = #coming, 2, -2 do
    if gone[coming[at]] then
      table.remove(coming, at)
      table.remove(coming, at - 1)
    end
  end
end

-- Takes jobs out of a band; its head is right again after `Ready.settle`.
function Ready.remove(queue, priority, places)
  local coming = band_of(queue, priority)
  if #coming > 0 then
    drop(coming, places)
  end
  in_parts('ZREM', Ready.band(queue, priority), places)
end

-- Takes as many jobs out of a band as it begins with, where none was noted that comes before them.
function Ready.remove_first(queue, priority, number)
  band_of(queue, priority)
  call('ZREMRANGEBYRANK', Ready.band(queue, priority), 0, number - 1)
end

-- Puts what was noted into its bands, and sees to their heads; called once, after all else.
function Ready.settle()
  for queue, bands in pairs(changed) do
    for priority, coming in pairs(bands) do
      if #coming > 0 then
        in_parts('ZADD', Ready.band(queue, priority), coming)
        Wake.say('worker')
      end
      Ready.look(queue, priority)
    end
  end
  changed = {}
end
