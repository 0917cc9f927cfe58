-- needs: store, jobs, windows, suspects
-- Flows: the jobs of one kind that are limited together; none of them becomes ready in any other way.
-- `flow:<flow>` holds its task and limits, what its rate counts, how many of its jobs run and how many are open;
-- `granted:<flow>` those that are ready, `waits:<priority>:<flow>` those that wait, by run_at and push, `turns:<flow>` the
-- priorities among these. `opening` says when a rate lets the next of a flow start, `shut` when that was found out.
-- `flows` has every flow under its task: a task's limits may change for a million of them, which happens step by step;
-- `limiting` says how far it is for a task. None of a flow starts before it was opened with the new limits.
local FAIR_EVERY = 10  -- openings: then a priority has its turn whose jobs would be passed over for ever
local SOON = 2000000  -- workers look each second for what is due
local STEP = 200  -- flows that get their new limits at once
local ROW = {'task', 'concurrency', 'rate', 'limit', 'period', 'openings', 'starts', 'running'}

local noted, order = {}, {}  -- flows in which somebody left a place or began to wait for one
local started = {}  -- how many of each start now
local current  -- the flow that is being opened
local limits = {}  -- new limits by task, false where they hold for all of its flows already

local function key_of(flow)
  return P .. 'flow:' .. flow
end

local function granted(flow)
  return P .. 'granted:' .. flow
end

local function band(flow, priority)
  return P .. 'waits:' .. priority .. ':' .. flow
end

local function member(task, flow)
  return task .. '\0' .. flow
end

-- Notes that a job left its place in a flow, or began to wait for one; the flow is opened after all else.
function Flows.note(flow)
  if flow ~= current and not noted[flow] then
    noted[flow] = true
    order[#order + 1] = flow
  end
end

function Flows.wait(job)
  call('ZADD', band(job.flow, job.priority), job.run_at, job.place)
  call('ZADD', P .. 'turns:' .. job.flow, -job.priority, job.priority)
  Flows.note(job.flow)
end

local function forget_empty(flow, priority)
  if call('EXISTS', band(flow, priority)) == 0 then
    call('ZREM', P .. 'turns:' .. flow, priority)
  end
end

function Flows.stop_waiting(job)
  call('ZREM', band(job.flow, job.priority), job.place)
  forget_empty(job.flow, job.priority)
  Flows.note(job.flow)
end

function Flows.came_ready(job)
  call('SADD', granted(job.flow), job.place)
end

function Flows.left_ready(job)
  call('SREM', granted(job.flow), job.place)
  Flows.note(job.flow)
end

function Flows.left_running(job)
  call('HINCRBY', key_of(job.flow), 'running', -1)
  Flows.note(job.flow)
end

-- A ready job begins: it keeps its place, and counts by the rate whatever becomes of it.
function Flows.started(flow, place)
  call('SREM', granted(flow), place)
  call('HINCRBY', key_of(flow), 'running', 1)
  if not started[flow] then
    started[flow] = 0
    order[#order + 1] = flow
  end
  started[flow] = started[flow] + 1
end

-- Counts a job that is open from now on, or is not any more.
function Flows.count(flow, number)
  local key = key_of(flow)
  if call('HINCRBY', key, 'open', number) == 0 and call('HEXISTS', key, 'task') == 0 then
    call('DEL', key)
  end
end

-- Writes the limits of a flow, which `said` has: `concurrency`, and `rate` with its `limit` and `period`.
local function write_limits(flow, said)
  local key = key_of(flow)
  for _, name in ipairs({'concurrency', 'rate', 'limit', 'period'}) do
    if said[name] then
      call('HSET', key, name, type(said[name]) == 'number' and int(said[name]) or said[name])
    else
      call('HDEL', key, name)
    end
  end
end

local function differ(concurrency, rate, said)
  return (tonumber(concurrency) or false) ~= (said.concurrency or false) or (rate or false) ~= (said.rate or false)
end

function Flows.are_limited(said)
  return said.concurrency or said.rate
end

-- Makes the flow of a job that comes, or gives it other limits.
function Flows.put(flow, task, said)
  local row = call('HMGET', key_of(flow), 'task', 'concurrency', 'rate')
  if not row[1] then
    call('HSET', key_of(flow), 'task', task)
    call('ZADD', P .. 'flows', 0, member(task, flow))
  end
  if not row[1] or differ(row[2], row[3], said) then
    write_limits(flow, said)
    Flows.note(flow)
  end
end

-- Makes the flow of a job that begins anew, if it was forgotten meanwhile, with the limits that its task has now.
function Flows.revive(job)
  if call('HEXISTS', key_of(job.flow), 'task') == 0 then
    local reported = call('HGET', P .. 'tasks', job.task)
    local said = reported and cjson.decode(reported)
    if said and Flows.are_limited(said) then
      Flows.put(job.flow, said.canonical, said)
    end
  end
end

local function new_limits(task)
  if limits[task] == nil then
    limits[task] = false
    if call('HEXISTS', P .. 'limiting', task) == 1 then
      limits[task] = cjson.decode(call('HGET', P .. 'tasks', task))
    end
  end
  return limits[task]
end

function Flows.read_starts(text)
  local found = {}
  for at, count in string.gmatch(text or '', '(%d+):(%d+)') do
    found[#found + 1] = {tonumber(at), tonumber(count)}
  end
  return found
end

local function write_starts(starts)
  local texts = {}
  for number, slice in ipairs(starts) do
    texts[number] = int(slice[1]) .. ':' .. int(slice[2])
  end
  return table.concat(texts, ' ')
end

-- Returns what bounds a flow and what is in it, with new limits if its task has others since; `changed` says so.
local function read(flow)
  local row = {}
  for number, value in ipairs(call('HMGET', key_of(flow), unpack(ROW))) do
    row[ROW[number]] = value
  end
  local said = row.task and new_limits(row.task)
  if said and differ(row.concurrency, row.rate, said) then
    write_limits(flow, said)
    row.changed = true
    for _, name in ipairs({'concurrency', 'rate', 'limit', 'period'}) do
      row[name] = said[name]
    end
  end
  row.concurrency = tonumber(row.concurrency) or nil
  row.running = tonumber(row.running) or 0
  row.openings = tonumber(row.openings) or 0
  row.bound = row.rate and {limit = tonumber(row.limit), period = tonumber(row.period)} or nil
  return row
end

local function worst_first(one, other)
  if one.rank ~= other.rank then
    return one.rank < other.rank
  end
  if one.due ~= other.due then
    return one.due > other.due
  end
  return one.place > other.place
end

-- The worst jobs that might start must wait again, because a limit was lowered.
local function hold_back(flow, number)
  local ready = {}
  for _, place in ipairs(call('SMEMBERS', granted(flow))) do
    local job = Jobs.read(Jobs.id(place))
    if job then
      job.rank, job.due = tonumber(job.priority), tonumber(job.run_at)
      ready[#ready + 1] = job
    else  -- somebody deleted it
      call('SREM', granted(flow), place)
      number = number - 1
    end
  end
  table.sort(ready, worst_first)
  for at = 1, math.min(number, #ready) do
    local fields = {}
    Jobs.leave(ready[at], fields)
    Jobs.wait(ready[at], 'held', 'flow', fields)
  end
end

-- Makes jobs ready that wait for a flow in one priority; returns how many.
local function admit(flow, priority, places)
  local admitted = {}
  for _, place in ipairs(places) do
    local key = Jobs.key(Jobs.id(place))
    local said = call('HMGET', key, 'queue', 'run_at', 'suspect')
    if said[1] then  -- else somebody deleted it
      call('HSET', key, 'state', 'ready')
      call('HDEL', key, 'waits_for')
      if said[3] then
        Suspects.add({queue = said[1], run_at = said[2], place = place})
      else
        Ready.add(said[1], priority, said[2], place)
      end
      Jobs.count(said[1], 'held', -1)
      Jobs.count(said[1], 'ready', 1)
      admitted[#admitted + 1] = place
    end
  end
  in_parts('ZREM', band(flow, priority), places)
  in_parts('SADD', granted(flow), admitted)
  forget_empty(flow, priority)
  return #admitted
end

-- Gives the room of a flow to the best that wait; at each tenth opening the first of the priority whose turn it is goes
-- before them. Returns how many became ready.
local function let_in(flow, room, openings)
  local priorities = call('ZRANGE', P .. 'turns:' .. flow, 0, -1)
  local opened = 0
  if #priorities > 0 and openings % FAIR_EVERY == FAIR_EVERY - 1 then
    local turn = math.floor(openings / FAIR_EVERY) % #priorities
    local priority = priorities[#priorities - turn]  -- the lowest has the first turn
    opened = admit(flow, priority, call('ZRANGE', band(flow, priority), 0, 0))
  end
  for _, priority in ipairs(priorities) do
    local places
    repeat
      places = opened < room and call('ZRANGE', band(flow, priority), 0, room - opened - 1) or {}
      opened = opened + admit(flow, priority, places)
    until #places == 0
  end
  return opened
end

local function set_opening(flow, opens_at)
  local known = call('ZSCORE', P .. 'opening', flow)
  if not opens_at then
    if known then
      call('ZREM', P .. 'opening', flow)
      call('ZREM', P .. 'shut', flow)
    end
    return
  end
  if tonumber(known or -1) ~= opens_at then
    call('ZADD', P .. 'opening', int(opens_at), flow)
    if opens_at < now + SOON then
      Wake.say('worker')
    end
  end
  call('ZADD', P .. 'shut', int(now), flow)
end

-- Lets as many of the best that wait for a flow become ready as its limits allow; returns how many did.
local function open(flow, row, starting)
  current = flow
  local starts = {}
  if row.bound then
    starts = Windows.counted(Flows.read_starts(row.starts), row.bound, now, starting)
  end
  local ready = call('SCARD', granted(flow))
  local room, opens_at = Windows.opening(row.concurrency, row.bound, ready, row.running, starts)
  local opened = 0
  if room < 0 then
    hold_back(flow, -room)
  elseif room > 0 then
    opened = let_in(flow, room, row.openings)
  end
  if opened < math.max(room, 0) or call('EXISTS', P .. 'turns:' .. flow) == 0 then
    opens_at = nil
  end
  if row.task then
    set_opening(flow, opens_at)
    if opened > 0 then
      call('HINCRBY', key_of(flow), 'openings', 1)
    end
    local kept = write_starts(starts)
    if kept ~= (row.starts or '') then
      call('HSET', key_of(flow), 'starts', kept)
    end
  end
  current = nil
  return opened
end

-- A start takes the place that the job had while it was ready: of the bounds only these move.
local function moves(row)
  return row.changed or row.bound or not row.concurrency or row.concurrency > Windows.GRANTED
end

-- Opens what was noted; returns how many jobs became ready.
function Flows.settle()
  local opened = 0
  for _, flow in ipairs(order) do
    local row = read(flow)
    if noted[flow] or moves(row) then
      opened = opened + open(flow, row, started[flow] or 0)
    end
    noted[flow], started[flow] = nil, nil
  end
  order = {}
  return opened
end

-- Opens flows whose rate lets jobs start by now, or whose times are worth nothing because the clock was set back; at most
-- `limit`, and none after as many jobs. Returns how many became ready.
function Flows.open_due(limit)
  local due = call('ZRANGEBYSCORE', P .. 'opening', '-inf', int(now), 'LIMIT', 0, limit)
  for _, flow in ipairs(call('ZRANGEBYSCORE', P .. 'shut', '(' .. int(now), '+inf', 'LIMIT', 0, limit)) do
    due[#due + 1] = flow
  end
  local opened = 0
  for _, flow in ipairs(due) do
    if opened >= limit then
      break
    end
    opened = opened + open(flow, read(flow), 0)
  end
  return opened
end

-- Gives a flow the limits that its task has now; true if any may be stale.
function Flows.refresh(flow)
  local row = read(flow)
  if row.changed then
    open(flow, row, 0)
  end
end

-- Forgets what was noted: jobs that come from another store are where they were there.
function Flows.pass()
  noted, started, order = {}, {}, {}
end

-- Tells whether flows of some task wait for new limits.
function Flows.are_limiting()
  return call('EXISTS', P .. 'limiting') == 1
end

-- Begins to give all flows of a task other limits, which its row in `tasks` says already.
function Flows.relimit(task)
  call('HSET', P .. 'limiting', task, member(task, ''))
  limits[task] = nil
end

-- Gives the next flows their new limits; returns how many jobs became ready.
function Flows.limit_step()
  local opened, looked = 0, 0
  local left = as_table(call('HGETALL', P .. 'limiting'))
  for task, from in pairs(left) do
    local page = call('ZRANGEBYLEX', P .. 'flows', '(' .. from, '(' .. task .. '\1', 'LIMIT', 0, STEP)
    for _, each in ipairs(page) do
      local flow = string.sub(each, #task + 2)
      local row = read(flow)
      if row.changed then
        opened = opened + open(flow, row, 0)
      end
      from, looked = each, looked + 1
      if opened > 2 * STEP then
        break
      end
    end
    if #page < STEP and (#page == 0 or from == page[#page]) then
      call('HDEL', P .. 'limiting', task)
    else
      call('HSET', P .. 'limiting', task, from)
    end
    if looked >= STEP or opened > 2 * STEP then
      break
    end
  end
  return opened
end
