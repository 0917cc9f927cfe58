-- needs: store, ready, suspects, keys, flows, unique, endings
-- Jobs: where each state keeps them, and how they move from one to another.
-- `job:<id>` holds what changes and what scripts need; `body:<id>` what only a worker or a person reads. A field that is
-- not there means none, or 0. `value`, `error` and `progress` lie apart where they are large: a hash of short values takes
-- a third of the memory (https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/memory-optimization/).
local SHORT = 64
local OPEN = {ready = true, delayed = true, held = true, running = true}
local tally = {}

function Jobs.key(id)
  return P .. 'job:' .. id
end

function Jobs.is_open(state)
  return OPEN[state]
end

function Jobs.place(seq, id)
  return string.format('%012x', seq) .. id
end

function Jobs.id(place)
  return string.sub(place, 13)
end

-- Returns a job with all its fields, `id` and `place` too; nil where there is none.
function Jobs.read(id)
  local flat = call('HGETALL', Jobs.key(id))
  if #flat == 0 then
    return nil
  end
  local job = as_table(flat)
  if job.worker == '' then  -- the quick way out writes it in the same call
    job.worker = nil
  end
  job.id = id
  job.place = Jobs.place(job.seq, id)
  return job
end

-- Writes fields of a job; false takes one away. `job` says the same afterwards.
function Jobs.write(job, fields)
  local set, gone = {}, {}
  for name, value in pairs(fields) do
    if value == false then
      if job[name] then
        gone[#gone + 1] = name
        job[name] = nil
      end
    else
      set[#set + 1] = name
      set[#set + 1] = value
      job[name] = value
    end
  end
  if #set > 0 then
    call('HSET', Jobs.key(job.id), unpack(set))
  end
  if #gone > 0 then
    call('HDEL', Jobs.key(job.id), unpack(gone))
  end
end

-- Counts that so many jobs of a queue came into a state (or left it, below 0); written by `Jobs.settle`.
function Jobs.count(queue, state, number)
  local key = OPEN[state] and 'queue:' .. queue or 'totals'
  local counts = tally[key]
  if not counts then
    counts = {}
    tally[key] = counts
  end
  counts[state] = (counts[state] or 0) + number
end

-- Lets those go on that keys and flows held, writes what was counted and lets in what became ready; every script that
-- moves jobs ends with it.
function Jobs.settle()
  Keys.settle()
  Flows.settle()
  Endings.settle()
  for key, counts in pairs(tally) do
    for state, number in pairs(counts) do
      if number ~= 0 then
        call('HINCRBY', P .. key, state, number)
      end
    end
    if key ~= 'totals' then
      call('SADD', P .. 'queues', string.sub(key, 7))
    end
  end
  tally = {}
  Ready.settle()
end

-- Puts a value into the fields that are to be written of a job; a large one lies beside them. false takes it away.
function Jobs.keep(job, fields, name, value)
  fields[name] = value
  if value and #value > SHORT then
    call('HSET', P .. 'large:' .. job.id, name, value)
    fields[name], fields.has_large = '', 1
  elseif job.has_large then
    call('HDEL', P .. 'large:' .. job.id, name)
  end
end

-- Takes a job out of where its state keeps it; `Jobs.wait` or `Endings.finish` follows in the same script, and writes what
-- it adds to `fields`.
function Jobs.leave(job, fields)
  if job.state == 'ready' then
    if job.suspect then
      Suspects.remove(job)
    else
      Ready.remove(job.queue, job.priority, {job.place})
    end
    if job.flow then
      Flows.left_ready(job)
    end
  elseif job.state == 'delayed' then
    call('ZREM', P .. 'delayed', job.place)
  elseif job.state == 'held' then
    if job.waits_for == 'key' then
      Keys.stop_waiting(job)
    else
      Flows.stop_waiting(job)
    end
    fields.waits_for = false
  elseif job.state == 'running' then
    call('ZREM', P .. 'running:' .. job.worker, job.place)
    if job.cancel_at then
      call('SREM', P .. 'asked:' .. job.worker, job.place)
    end
    if job.flow then
      Flows.left_running(job)
    end
    fields.worker = false
  end
  Jobs.count(job.queue, job.state, -1)
end

-- Puts a job that waits into the index of its new state: `ready`, `delayed`, or `held` by what `waits_for` says. `fields`
-- are written with it.
function Jobs.wait(job, state, waits_for, fields)
  fields = fields or {}
  fields.state, fields.waits_for = state, waits_for or false
  Jobs.write(job, fields)
  if job.unique then
    Unique.waits(job)
  end
  if state == 'ready' then
    if job.suspect then
      Suspects.add(job)
    else
      Ready.add(job.queue, job.priority, job.run_at, job.place)
    end
    if job.flow then
      Flows.came_ready(job)
    end
  elseif state == 'delayed' then
    call('ZADD', P .. 'delayed', job.run_at, job.place)
  elseif waits_for == 'key' then
    Keys.wait(job)
  else
    Flows.wait(job)
  end
  Jobs.count(job.queue, state, 1)
end

-- Makes a job that is due ready, or lets it wait for its flow.
function Jobs.may_run(job, fields)
  if job.flow then
    Jobs.wait(job, 'held', 'flow', fields)
  else
    Jobs.wait(job, 'ready', nil, fields)
  end
end

-- Lets a job that its key does not hold wait for its time, or run.
function Jobs.go_on(job, fields)
  if tonumber(job.run_at) > now then
    Jobs.wait(job, 'delayed', nil, fields)
  else
    Jobs.may_run(job, fields)
  end
end

-- Returns the jobs of places in an index. A place whose job is gone, because the server threw it away or somebody deleted
-- it, is taken out, so that it stops nobody else.
function Jobs.of(index, places)
  local jobs = {}
  for _, place in ipairs(places) do
    local job = Jobs.read(Jobs.id(place))
    if job then
      jobs[#jobs + 1] = job
    else
      call('ZREM', index, place)
    end
  end
  return jobs
end
