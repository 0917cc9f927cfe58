-- needs: store, jobs, keys, flows, unique
-- How jobs end or go on, and what follows: others of their key go on, and whoever waits for a result is woken.
local SLICE = 10 * 1000000  -- what is counted together in the throughput of a queue

-- Ends an open job for good. `fields` are written with it; `error` is kept, false takes one away. `Jobs.settle` follows in
-- the same script.
function Endings.finish(job, state, fields, error)
  Jobs.leave(job)
  fields.state, fields.finished_at = state, int(now)
  Jobs.write(job, fields)
  if error ~= nil then
    Jobs.keep(job, 'error', error)
  end
  Jobs.count(job.queue, state, 1)
  Endings.ended(job, state)
end

-- Lets a running job wait again, `delayed` or for its turn; one that was asked to stop ends instead.
function Endings.go_on(job, fields, error, state)
  if job.cancel_at then
    Endings.finish(job, 'cancelled', fields, error)
    return
  end
  Jobs.leave(job)
  Jobs.write(job, fields)
  if error ~= nil then
    Jobs.keep(job, 'error', error)
  end
  if state then
    Jobs.wait(job, state)
  else
    Jobs.may_run(job)
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
    Endings.count(job.queue, state, 1)
  end
  Endings.tell(job.id)
end

-- Counts what ended in a queue, for as long as it is asked for.
function Endings.count(queue, state, number)
  local key = P .. 'ended:' .. int(now - now % SLICE)
  call('HINCRBY', key, state .. ':' .. queue, number)
  call('EXPIRE', key, 7200)
end

-- Wakes those who sleep until a job is final.
function Endings.tell(id)
  local key = P .. 'waiters:' .. id
  if call('EXISTS', P .. 'waited') == 1 and call('EXISTS', key) == 1 then
    for _, ear in ipairs(call('ZRANGEBYSCORE', key, int(now), '+inf')) do
      Wake.say(ear)
    end
    call('DEL', key)
  end
end
