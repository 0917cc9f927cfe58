-- needs: store, jobs
-- Unique jobs: which other one of its kind stands for one that is pushed. `unique:queued:<kind>` holds those of a kind that
-- wait, `unique:open:<kind>` those that are not final, `unique:all:<kind>` all that there are, by when they were pushed.
-- Only jobs that were pushed as unique ones are in them.

-- Returns the id of the job that stands for one of a kind, nil where it is to be pushed: while one is `queued`, until it
-- is `done`, or for a period.
function Unique.standing(kind, while_, period)
  local found
  if while_ == 'queued' then
    found = call('ZRANGE', P .. 'unique:queued:' .. kind, 0, 0)[1]
  elseif while_ == 'done' then
    found = call('ZRANGE', P .. 'unique:open:' .. kind, 0, 0)[1]
  else
    local since = '(' .. int(now - period)
    found = call('ZREVRANGEBYSCORE', P .. 'unique:all:' .. kind, '+inf', since, 'LIMIT', 0, 1)[1]
  end
  return found and Jobs.id(found)
end

-- Notes an open job of a kind; `created_at` is when it was pushed.
function Unique.add(job)
  call('ZADD', P .. 'unique:open:' .. job.unique, job.seq, job.place)
  call('ZADD', P .. 'unique:all:' .. job.unique, job.created_at, job.place)
end

function Unique.waits(job)
  call('ZADD', P .. 'unique:queued:' .. job.unique, job.seq, job.place)
end

function Unique.started(kind, place)
  call('ZREM', P .. 'unique:queued:' .. kind, place)
end

function Unique.ended(job)
  Unique.started(job.unique, job.place)
  call('ZREM', P .. 'unique:open:' .. job.unique, job.place)
end

-- A final job is deleted.
function Unique.gone(job)
  call('ZREM', P .. 'unique:all:' .. job.unique, job.place)
end
