-- needs: store, ready, jobs, keys, flows, unique
-- The one way a job comes in, whoever pushes it: a caller or a dispatch.
local KEPT = {
  'max_crashes', 'key', 'schedule', 'backfill', 'scheduled_for', 'expires_at', 'flow', 'unique', 'unique_until',
}
local OUSTED = cjson.encode({
  kind = 'cancelled', type = '', message = 'a later run of its schedule took its place', traceback = '',
})

-- Reads what workers reported of the tasks of a batch, once for each; nil where nobody did.
function Insert.reported(jobs)
  local names, places = {}, {}
  for _, job in ipairs(jobs) do
    if not places[job.task] then
      names[#names + 1] = job.task
      places[job.task] = #names
    end
  end
  local found = call('HMGET', P .. 'tasks', unpack(names))
  local rows = {}
  for name, place in pairs(places) do
    rows[name] = found[place] and cjson.decode(found[place]) or nil
  end
  return rows
end

-- Says of a job what its call left open: what workers reported of its task, else what the code that pushed it says.
local function complete(job, said, time)
  job.queue = job.queue or said.queue
  job.priority = int(job.priority or said.priority)
  job.max_crashes = job.max_crashes or said.max_crashes
  job.run_at = job.run_at or time
  job.created_at = time
  local expires_in = job.expires_in or said.expires_in
  if expires_in then
    local own = job.run_at + expires_in
    if not job.expires_at or own < tonumber(job.expires_at) then
      job.expires_at = int(own)
    end
  end
  local task = said.canonical or job.task
  local kind = job.kin and task .. ':' .. job.kin or task
  if Flows.are_limited(said) then
    job.flow, job.flow_task = kind, task
  end
  local while_, period = job.unique_while or said.unique, job.unique_for
  if while_ then
    if not job.unique_while then
      period = said.unique_for
    end
    job.unique, job.unique_while = kind, while_
    job.unique_period = period
    job.unique_until = period and now + period
  end
end

-- Returns what is written of a job.
local function fields_of(job)
  local fields = {
    seq = job.seq, task = job.task, queue = job.queue, priority = job.priority, run_at = job.run_at,
    created_at = job.created_at,
  }
  for _, name in ipairs(KEPT) do
    fields[name] = job[name]
  end
  return fields
end

-- Makes a new job ready at once: what most are, in fewer steps.
local function make_ready(job)
  local fields = {
    'seq', job.seq, 'task', job.task, 'queue', job.queue, 'priority', job.priority, 'run_at', job.run_at,
    'created_at', job.created_at, 'state', 'ready',
  }
  local last = #fields
  for _, name in ipairs(KEPT) do
    if job[name] then
      fields[last + 1], fields[last + 2] = name, job[name]
      last = last + 2
    end
  end
  call('HSET', Jobs.key(job.id), unpack(fields))
  Ready.add(job.queue, job.priority, job.run_at, job.place)
  Jobs.count(job.queue, 'ready', 1)
end

-- Lists a new job among those of its schedule.
function Insert.list_run(schedule, seq, place, is_backfill)
  call('ZADD', P .. 'runs:' .. schedule, seq, place)
  if not is_backfill then
    call('ZADD', P .. 'open_runs:' .. schedule, seq, place)
  end
end

-- Writes a job that is new, and puts it where it waits.
local function place(job, said)
  if job.flow then
    Flows.put(job.flow, job.flow_task, said)
    Flows.count(job.flow, 1)
  end
  if job.unique then
    Unique.add(job)
  end
  if job.expires_at then
    call('ZADD', P .. 'expiring', job.expires_at, job.place)
  end
  if job.schedule then
    Insert.list_run(job.schedule, job.seq, job.place, job.backfill)
  end
  if job.key and job.waits and Keys.is_taken(job.key) then
    Jobs.wait(job, 'held', 'key', fields_of(job))
    return
  end
  if job.key then
    Keys.hold(job)
  end
  if not job.flow and not job.unique and tonumber(job.run_at) <= now then
    make_ready(job)
  else
    Jobs.go_on(job, fields_of(job))
  end
end

-- Returns which ids are there already, as far as that can be told before any of the jobs is written.
local function known(jobs)
  local keys, found = {}, {}
  for number, job in ipairs(jobs) do
    keys[number] = Jobs.key(job.id)
  end
  if call('EXISTS', unpack(keys)) > 0 then
    for number, job in ipairs(jobs) do
      found[job.id] = call('EXISTS', keys[number]) == 1
    end
  end
  return found
end

-- Writes the bodies of new jobs, and lists those; both are given as the server takes them.
function Insert.list(bodies, listing)
  if #bodies > 0 then
    call('MSET', unpack(bodies))
    in_parts('ZADD', P .. 'jobs', listing)
  end
end

-- Inserts jobs, at most 1,000; each has the fields of `nuvom.stores.redis.insert.told`. Returns for each the id of the job
-- that stands for it, empty for one that is new; and by the number of each job for which another of its kind stands the
-- word of its uniqueness. `Jobs.settle` follows in the same script.
function Insert.all(jobs)
  local rows = Insert.reported(jobs)
  local seq, time = call('INCRBY', P .. 'seq', #jobs) - #jobs, int(now)
  local standing, because, is_known = {}, {}, known(jobs)
  local listing, bodies = {}, {}
  for number, job in ipairs(jobs) do
    standing[number] = ''
    local said = rows[job.task] or job.defaults
    if is_known[job.id] then
      standing[number] = job.id  -- an id that is there says more than its kind
    else
      complete(job, said, time)
      if job.ousts then
        Keys.oust(job.key, OUSTED)
      end
      local other = job.unique and Unique.standing(job.unique, job.unique_while, job.unique_period)
      if other then
        standing[number], because[number] = other, job.unique_while
      else
        job.seq = seq + number
        job.place = Jobs.place(job.seq, job.id)
        is_known[job.id] = true
        bodies[#bodies + 1] = P .. 'body:' .. job.id
        bodies[#bodies + 1] = job.body
        listing[#listing + 1] = job.seq
        listing[#listing + 1] = job.place
        place(job, said)
      end
    end
  end
  Insert.list(bodies, listing)
  return standing, because
end
