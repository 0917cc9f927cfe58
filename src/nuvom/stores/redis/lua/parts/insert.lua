-- needs: store, ready, jobs, keys
-- The one way a job comes in, whoever pushes it: a caller or a dispatch.
local SET = {'key', 'schedule', 'backfill', 'scheduled_for'}

-- Reads what workers reported of the tasks of a batch, once for each; nil where nobody did.
local function reported(jobs)
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

-- Inserts jobs, at most 1,000; each has the fields of `nuvom.stores.redis.insert.told`. Returns for each the id of the job
-- that stands for it, empty for one that is new; and by the number of each job for which another of its kind stands the
-- word of its uniqueness. `Jobs.settle` follows in the same script.
function Insert.all(jobs)
  local rows = reported(jobs)
  local seq = call('INCRBY', P .. 'seq', #jobs) - #jobs
  local standing, unique = {}, {}
  local listing, bodies = {}, {}
  for number, job in ipairs(jobs) do
    local key = Jobs.key(job.id)
    local is_new = call('EXISTS', key) == 0
    standing[number] = is_new and '' or job.id
    if is_new then
      local said = rows[job.task] or job.defaults
      job.seq = seq + number
      job.place = Jobs.place(job.seq, job.id)
      job.queue = job.queue or said.queue
      job.priority = int(job.priority or said.priority)
      local run_at = job.run_at or now
      job.run_at = int(run_at)
      local fields = {
        'seq', int(job.seq), 'task', job.task, 'queue', job.queue, 'priority', job.priority, 'run_at', job.run_at,
        'created_at', int(now), 'max_crashes', job.max_crashes or said.max_crashes,
      }
      for _, name in ipairs(SET) do
        if job[name] then
          fields[#fields + 1] = name
          fields[#fields + 1] = type(job[name]) == 'number' and int(job[name]) or job[name]
        end
      end
      call('HSET', key, unpack(fields))
      bodies[#bodies + 1] = P .. 'body:' .. job.id
      bodies[#bodies + 1] = job.body
      listing[#listing + 1] = int(job.seq)
      listing[#listing + 1] = job.place
      if job.schedule then
        call('ZADD', P .. 'runs:' .. job.schedule, int(job.seq), job.place)
        if not job.backfill then
          call('ZADD', P .. 'open_runs:' .. job.schedule, int(job.seq), job.place)
        end
      end
      if job.key and job.waits and Keys.is_taken(job.key) then
        Jobs.wait(job, 'held', 'key')
      else
        if job.key then
          Keys.hold(job)
        end
        Jobs.go_on(job)
      end
    end
  end
  if #bodies > 0 then
    call('MSET', unpack(bodies))
    in_parts('ZADD', P .. 'jobs', listing)
  end
  return standing, unique
end
