-- needs: store, ended, jobs, keys, flows, unique
-- How jobs end or go on, and what follows: others of their key go on, and whoever waits for a result is woken.

local ended = {}  -- the places of those that ended in this script
local counted = {succeeded = {}, failed = {}}  -- by queue

-- Ends an open job for good. `fields` are written with it; `error` is kept, false takes one away. `Jobs.settle` follows in
-- the same script.
function Endings.finish(job, state, fields, error)
  Jobs.leave(job, fields)
  fields.state, fields.finished_at = state, int(now)
  if error ~= nil then
    Jobs.keep(job, fields, 'error', error)
  end
  Jobs.write(job, fields)
  Jobs.count(job.queue, state, 1)
  Endings.ended(job, state)
end

-- Lets a running job wait again, `delayed` or for its turn; one that was asked to stop ends instead.
function Endings.go_on(job, fields, error, state)
  if job.cancel_at then
    Endings.finish(job, 'cancelled', fields, error)
    return
  end
  Jobs.leave(job, fields)
  if error ~= nil then
    Jobs.keep(job, fields, 'error', error)
  end
  if state then
    Jobs.wait(job, state, nil, fields)
  else
    Jobs.may_run(job, fields)
  end
end

-- Asks the task of a running job to stop; a repeat changes nothing.
function Endings.ask(job)
  if not job.cancel_at then
    Jobs.write(job, {cancel_at = int(now)})
    call('SADD', P .. 'asked:' .. job.worker, job.place)
  end
  Wake.say('worker')
end

-- Keeps in the history of a job that its attempt ended without success.
function Endings.remember(job, error)
  local said = {job.attempt, cjson.encode(job.worker), job.started_at, int(now), error and cjson.encode(error) or 'null'}
  call('RPUSH', P .. 'attempts:' .. job.id, '[' .. table.concat(said, ',') .. ']')
end

-- Notes that a job failed and its worker does not know.
function Endings.untold(job)
  call('SADD', P .. 'untold', job.task)
  call('ZADD', P .. 'untold:' .. job.task, job.seq, job.id)
end

-- What must be done for a job that has ended, whose fields say so already.
function Endings.ended(job, state)
  if job.key then
    Keys.release(job)
  end
  if job.flow then
    Flows.count(job.flow, -1)
  end
  if job.schedule and not job.backfill then
    call('ZREM', P .. 'open_runs:' .. job.schedule, job.place)
  end
  if job.unique then
    Unique.ended(job)
  end
  if job.expires_at then
    call('ZREM', P .. 'expiring', job.place)
  end
  if state == 'failed' then
    call('ZADD', P .. 'failed', job.seq, job.place)
  end
  if state == 'failed' or state == 'succeeded' then
    local counts = counted[state]
    counts[job.queue] = (counts[job.queue] or 0) + 1
  end
  ended[#ended + 1] = job.place
end

-- Does for all that ended what is done once for many; a part of `Jobs.settle`.
function Endings.settle()
  for state, counts in pairs(counted) do
    for queue, number in pairs(counts) do
      Ended.count(queue, state, number)
    end
    counted[state] = {}
  end
  if #ended > 0 then
    Ended.tell(ended)
    ended = {}
  end
end
