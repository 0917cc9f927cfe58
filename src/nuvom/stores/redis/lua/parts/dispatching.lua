-- needs: store, ready, jobs, insert, ledger, schedules
-- The quick way of what most plans come to: a schedule that is as it was planned moves on, and one job of it comes in that
-- nothing limits. ARGV: 3 JSON of what such jobs are, a list of `nuvom.stores.redis.insert.kind`; then of each item its
-- schedule, how the head of that begins and how it is to begin, its next run, which of 3 its job is, the job, the key of its
-- row, the row and the body. No schedule and no job comes twice. Whatever is otherwise takes the long way.
local FIRST, EACH = 4, 9
local BEGINS = '^(%S+) active (%S+) (%S+) $'
local moved, due, bodies, listing = {}, {}, {}, {}  -- what is written at once for all

-- Returns what jobs are told of their tasks; nothing for those that are limited.
local function terms_of(kinds)
  local rows, terms = Insert.reported(kinds), {}
  for number, kind in ipairs(kinds) do
    local said = rows[kind.task] or kind.defaults
    terms[number] = not is_limited(said) and {
      task = kind.task, queue = kind.queue or said.queue, priority = int(kind.priority or said.priority),
      max_crashes = kind.max_crashes or said.max_crashes,
    }
  end
  return terms
end

-- Returns an item as the long way takes it.
local function planned(at, kinds)
  local id, begins, moves, next_run, kind, job_id, key, row, body = unpack(ARGV, at, at + EACH - 1)
  local generation, nominal, run_at = string.match(begins, BEGINS)
  local _, next_nominal = string.match(moves, BEGINS)
  local job = {id = job_id, body = body, run_at = run_at, schedule = id, scheduled_for = nominal}
  for name, value in pairs(kinds[tonumber(kind)]) do
    job[name] = value
  end
  return {
    id = id, generation = generation, nominal = nominal, expected = run_at, runs = 1,
    next_nominal = next_nominal, next_run = next_run, rows = {{key, row}}, jobs = {job},
  }
end

local function add(list, one, two)
  local last = #list
  list[last + 1], list[last + 2] = one, two
end

-- Pushes the job of an item, which is at a place of ARGV, records its row and moves its schedule on.
local function dispatch(at, term, seq, time, nominal, run_at, rest)
  local id, _, moves, next_run, _, job, key, row, body = unpack(ARGV, at, at + EACH - 1)
  local place = Jobs.place(seq, job)
  call(
    'HSET', Jobs.key(job), 'seq', seq, 'task', term.task, 'queue', term.queue, 'priority', term.priority,
    'run_at', run_at, 'created_at', time, 'state', 'ready', 'max_crashes', term.max_crashes,
    'schedule', id, 'scheduled_for', nominal
  )
  Insert.list_run(id, seq, place)
  Ready.add(term.queue, term.priority, run_at, place)
  Jobs.count(term.queue, 'ready', 1)
  add(bodies, P .. 'body:' .. job, body)
  add(listing, seq, place)
  Ledger.add(key, row)
  local head, in_due = Schedules.moved(id, moves, rest, 1)
  add(moved, id, head)
  add(due, next_run, in_due)
end

local function settle()
  if #bodies > 0 then
    Ledger.write()
    Insert.list(bodies, listing)
    in_parts('HSET', P .. 'schedule_heads', moved)
    in_parts('ZADD', P .. 'due', due)
  end
end

-- Tells what is there of some items: the heads of their schedules, their rows, and whether all their jobs are new.
local function look(count)
  local ids, jobs, keys = {}, {}, {}
  for number = 1, count do
    local at = FIRST + EACH * (number - 1)
    ids[number], jobs[number], keys[number] = ARGV[at], Jobs.key(ARGV[at + 5]), ARGV[at + 6]
  end
  return Schedules.heads(ids), hash_of('occurrences', keys), call('EXISTS', unpack(jobs)) == 0
end

-- Dispatches what can go the quick way; returns the items that take the long one, all where a job is there already.
function Dispatching.quickly()
  local count, long = (#ARGV - FIRST + 1) / EACH, {}
  if count == 0 then
    return long
  end
  local kinds, heads, rows, are_new = cjson.decode(ARGV[3]), look(count)
  local terms, seq, time = terms_of(kinds), call('INCRBY', P .. 'seq', count) - count, int(now)
  for number = 1, count do
    local at = FIRST + EACH * (number - 1)
    local begins, head, term = ARGV[at + 1], heads[number], terms[tonumber(ARGV[at + 4])]
    local _, nominal, run_at = string.match(begins, BEGINS)
    local as_planned = head and string.sub(head, 1, #begins) == begins
    local has_come = tonumber(run_at) <= now  -- the server's clock may have been set back
    if as_planned and has_come and are_new and term and not rows[number] then
      dispatch(at, term, seq + number, time, nominal, run_at, string.sub(head, #begins + 1))
    else
      long[#long + 1] = planned(at, kinds)
    end
  end
  settle()
  return long
end
