-- needs: store, ready, jobs, flows
-- Which ready jobs are claimed first: of the highest priority, then by run_at and push, whatever queue they are in. A band is
-- read only as far as its jobs come before those of others: with ten thousand queues a claim looks at few of them.
local PATIENCE = 2000  -- jobs that one script passes over and bands that it opens; who asks goes on where it stopped
local PAGE = 100
local FIRST = 20  -- what is read of a band at least, at first

-- What is asked for: `queues` (JSON, nil for all), but no job of the tasks `excluding` (JSON) and none due after `latest`.
-- `after` is where another script stopped, with the bands that it had opened, so that it need not look through them again.
-- Who `claims` sees to it that flows have the limits of now.
function Candidates.asked(queues, excluding, latest, after, claims)
  local gave_up = #call('ZRANGEBYSCORE', P .. 'expiring', '-inf', int(now), 'LIMIT', 0, 1) > 0
  local limiting = claims and Flows.are_limiting()
  local asked = {
    queues = queues and cjson.decode(queues), passed = set_of(excluding), latest = latest, limiting = limiting,
    may_pass = excluding or gave_up or limiting, left = PATIENCE, taken = {},
  }
  if after then
    local priority, queue, due, open = unpack(cmsgpack.unpack(after))
    asked.after = {priority = priority, queue = queue ~= '' and queue, due = due, open = open}
  end
  return asked
end

-- Tells whether a ready job may be claimed: its task is known here, and it did not give up.
local function fits(asked, place)
  if not asked.may_pass then
    return true
  end
  local key = Jobs.key(Jobs.id(place))
  local said = call('HMGET', key, 'task', 'expires_at', 'attempt', 'flow')
  if asked.limiting and said[4] then
    Flows.refresh(said[4])
    if call('HGET', key, 'state') ~= 'ready' then
      return false
    end
  end
  local over = said[2] and not said[3] and tonumber(said[2]) <= now
  return not over and not asked.passed[said[1]]
end

local function before(one, other)
  if one.run_at ~= other.run_at then
    return one.run_at < other.run_at
  end
  return one.place < other.place
end

-- Bands by their next jobs, the first of all on top: a binary heap.
local function sink(heap)
  local at, count = 1, #heap
  while true do
    local least = at
    for child = 2 * at, math.min(2 * at + 1, count) do
      if before(heap[child], heap[least]) then
        least = child
      end
    end
    if least == at then
      return
    end
    heap[at], heap[least] = heap[least], heap[at]
    at = least
  end
end

local function push(heap, band)
  local at = #heap + 1
  heap[at] = band
  while at > 1 and before(heap[at], heap[math.floor(at / 2)]) do
    local parent = math.floor(at / 2)
    heap[at], heap[parent] = heap[parent], heap[at]
    at = parent
  end
end

local function pop(heap)
  heap[1] = heap[#heap]
  heap[#heap] = nil
  sink(heap)
end

-- Returns what gives the queues that have jobs of a priority with when their first one was due, the oldest first, and about
-- how many those are.
local function heads_of(asked, priority, after)
  local heads = P .. 'heads:' .. priority
  if not asked.queues then
    local first = after and (call('ZRANK', heads, after.queue) or call('ZCOUNT', heads, '-inf', '(' .. int(after.due))) or 0
    local page, at, from = call('ZRANGE', heads, first, first + PAGE - 1, 'WITHSCORES'), 1, first + PAGE
    local is_last = #page < 2 * PAGE
    return function()
      if at > #page and not is_last then
        page, at, from = call('ZRANGE', heads, from, from + PAGE - 1, 'WITHSCORES'), 1, from + PAGE
        is_last = #page < 2 * PAGE
      end
      at = at + 2
      return page[at - 2], tonumber(page[at - 1])
    end, is_last and #page / 2 or PAGE
  end
  local found, at = {}, 0
  for place, head in ipairs(#asked.queues > 0 and call('ZMSCORE', heads, unpack(asked.queues)) or {}) do
    if head then
      found[#found + 1] = {run_at = tonumber(head), place = asked.queues[place]}
    end
  end
  table.sort(found, before)
  local reached = after and {run_at = after.due, place = after.queue}
  while reached and found[at + 1] and before(found[at + 1], reached) do
    at = at + 1
  end
  return function()
    at = at + 1
    return found[at] and found[at].place, found[at] and found[at].run_at
  end, #found
end

-- Goes to the next job of a band; false at its end.
local function advance(band)
  if band.at > #band.page then
    if band.page.is_last then
      return false
    end
    local page = call('ZRANGE', band.key, band.from, band.from + band.step - 1, 'WITHSCORES')
    page.is_last = #page < 2 * band.step
    band.page, band.at, band.from, band.step = page, 1, band.from + band.step, PAGE
    if #page == 0 then
      return false
    end
  end
  band.place, band.run_at, band.at = band.page[band.at], tonumber(band.page[band.at + 1]), band.at + 2
  return true
end

-- Goes to the first job of a band, or to the one that came next where another script stopped.
local function open(band)
  local from = {run_at = band.run_at, place = band.place}
  band.page, band.at, band.from = {}, 1, 0
  if band.kept and call('HEXISTS', P .. 'paused', band.queue) == 1 then
    return false
  end
  if from.place == '' then
    return advance(band)
  end
  local rank = call('ZRANK', band.key, from.place)
  band.from = rank or call('ZCOUNT', band.key, '-inf', '(' .. int(from.run_at))
  local any
  repeat
    any = advance(band)
  until not any or not before(band, from)
  return any
end

-- Returns where to go on: the queue that is opened next, with when its first job was due, and for each open band, as they
-- lie in the heap, its queue and its next job.
local function place_of(heap, priority, queue, due)
  local bands = {}
  for at, band in ipairs(heap) do
    bands[at] = {band.queue, band.run_at, band.place}
  end
  return cmsgpack.pack({tonumber(priority), queue or '', due or 0, bands})
end

-- Returns the jobs of a priority that come first, each {run_at, place, queue, priority}: at most `room`, and of each queue at
-- most `most`. Where patience ends before, `asked.stopped` says where.
local function first_of(asked, priority, room, most)
  local after = asked.after and asked.after.priority == tonumber(priority) and asked.after
  local found, heap = {}, {}
  local next_head, count = heads_of(asked, priority, after and after.queue and after)
  local queue, due
  if not after or after.queue then
    queue, due = next_head()
  end
  local step = math.min(room, most, math.max(FIRST, math.ceil(room / count)))
  local known = {}  -- a band that is open may have a later head by now
  for at, one in ipairs(after and after.open or {}) do
    local key = Ready.band(one[1], priority)
    known[one[1]] = true
    heap[at] = {queue = one[1], run_at = one[2], place = one[3], key = key, step = step, taken = 0, kept = true}
  end
  while #found < room do
    while queue and (not heap[1] or due <= heap[1].run_at) do
      if not known[queue] then
        push(heap, {queue = queue, run_at = due, place = '', key = Ready.band(queue, priority), step = step, taken = 0})
      end
      queue, due = next_head()
    end
    local band = heap[1]
    if not band or asked.latest and band.run_at > asked.latest then
      break
    end
    local more
    if not band.page then
      if asked.left == 0 then
        asked.stopped = place_of(heap, priority, queue, due)
        break
      end
      asked.left = asked.left - 1
      more = open(band)
    else
      if not asked.taken[band.place] then
        if fits(asked, band.place) then
          found[#found + 1] = {band.run_at, band.place, band.queue, priority}
          band.taken = band.taken + 1
        elseif asked.left == 0 then
          asked.stopped = place_of(heap, priority, queue, due)
          break
        else
          asked.left = asked.left - 1
        end
      end
      more = band.taken < most and advance(band)
    end
    if not more then
      pop(heap)
    elseif heap[2] then
      sink(heap)
    end
  end
  return found
end

-- Returns the jobs that come first, at most `limit`.
function Candidates.best(asked, limit)
  local found = {}
  for _, priority in ipairs(call('ZRANGE', P .. 'priorities', 0, -1)) do
    if asked.stopped or #found >= limit then
      break
    end
    if not asked.after or tonumber(priority) <= asked.after.priority then
      append(found, first_of(asked, priority, limit - #found, limit))
    end
  end
  return found
end

-- Returns the first jobs of the queues in each priority, the oldest first, at most `limit`; as far as patience lasts.
function Candidates.heads(asked, limit)
  local found, stopped = {}, nil
  for _, priority in ipairs(call('ZRANGE', P .. 'priorities', 0, -1)) do
    if not asked.after or tonumber(priority) <= asked.after.priority then
      append(found, first_of(asked, priority, limit, 1))
      stopped = stopped or asked.stopped
    end
  end
  if stopped and #found == 0 then
    asked.stopped = stopped
    return found
  end
  table.sort(found, function(one, other)
    return one[1] < other[1] or one[1] == other[1] and one[2] < other[2]
  end)
  for at = limit + 1, #found do
    found[at] = nil
  end
  for _, each in ipairs(found) do
    asked.taken[each[2]] = true
  end
  asked.left, asked.stopped = PATIENCE, nil
  return found
end
