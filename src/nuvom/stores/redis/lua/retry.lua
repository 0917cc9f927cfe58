-- needs: store, jobs, keys, flows, unique
-- Make final jobs ready again, behind the holders of their keys; attempts go on counting. ARGV[2] is the JSON of their ids.
-- Returns 1 for each that was final, else 0.
local NEW = {}
for _, name in ipairs({
  'started_at', 'finished_at', 'errors', 'retries', 'crashes', 'suspect', 'value', 'error', 'progress', 'has_large',
  'expires_at', 'cancel_at', 'plain',
}) do
  NEW[name] = false
end

local function begin_anew(job)
  Jobs.count(job.queue, job.state, -1)
  if job.state == 'failed' then
    call('ZREM', P .. 'failed', job.place)
    call('ZREM', P .. 'untold:' .. job.task, job.id)  -- it did not end yet
  end
  if job.has_large then
    call('DEL', P .. 'large:' .. job.id)
  end
  Jobs.write(job, NEW)
  Jobs.write(job, {run_at = int(now)})
  if job.schedule and not job.backfill then
    call('ZADD', P .. 'open_runs:' .. job.schedule, job.seq, job.place)
  end
  if job.unique then
    Unique.add(job)
  end
  if job.flow then
    Flows.revive(job)
    Flows.count(job.flow, 1)
  end
  if job.key and Keys.is_taken(job.key) then
    Jobs.wait(job, 'held', 'key')
    return
  end
  if job.key then
    Keys.hold(job)
  end
  Jobs.may_run(job)
end

local answers = {}
for number, id in ipairs(cjson.decode(ARGV[2])) do
  local job = Jobs.read(id)
  answers[number] = 0
  if job and job.finished_at then
    begin_anew(job)
    answers[number] = 1
  end
end
Jobs.settle()
return answers
