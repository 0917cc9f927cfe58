-- needs: store, jobs
-- Keys: at most one open job of a key is loose, that is, does not wait for it. `loose:<key>` holds those that are,
-- `waiting:<key>` those that wait, in the order of their pushes.

-- Tells whether a job that is pushed now has to wait for its key.
function Keys.is_taken(key)
  return call('EXISTS', P .. 'loose:' .. key, P .. 'waiting:' .. key) > 0
end

function Keys.hold(job)
  call('SADD', P .. 'loose:' .. job.key, job.place)
end

function Keys.wait(job)
  call('ZADD', P .. 'waiting:' .. job.key, job.seq, job.place)
end

function Keys.stop_waiting(job)
  call('ZREM', P .. 'waiting:' .. job.key, job.place)
end

-- An open job of a key ended: the oldest of those that wait goes on where nobody is loose any more.
function Keys.release(job)
  call('SREM', P .. 'loose:' .. job.key, job.place)
  Keys.let_in(job.key)
end

function Keys.let_in(key)
  if call('EXISTS', P .. 'loose:' .. key) == 1 then
    return
  end
  local first = call('ZRANGE', P .. 'waiting:' .. key, 0, 0)[1]
  if first then
    local job = Jobs.read(Jobs.id(first))
    Jobs.leave(job)
    Keys.hold(job)
    Jobs.go_on(job)
  end
end
