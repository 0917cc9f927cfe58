-- needs: store, jobs, keys, flows, unique
-- What follows when jobs end: others of their key go on, and whoever waits for a result is woken.
local SLICE = 10 * 1000000  -- what is counted together in the throughput of a queue

-- Ends an open job for good. `fields` are written with it; `Jobs.settle` follows in the same script.
function Endings.finish(job, state, fields)
  Jobs.leave(job)
  fields = fields or {}
  fields.state, fields.finished_at = state, int(now)
  Jobs.write(job, fields)
  Jobs.count(job.queue, state, 1)
  Endings.ended(job, state)
end

-- What must be done for a job that has ended, whose fields say so already.
function Endings.ended(job, state)
  if job.key then
    Keys.release(job)
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
