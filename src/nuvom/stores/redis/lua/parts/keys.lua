-- needs: store, jobs, endings
-- Keys: at most one open job of a key is loose, that is, does not wait for it. `loose:<key>` holds those that are (more
-- than one where some did not wait), `waiting:<key>` those that wait, in the order of their pushes.
local SAMPLE = 3  -- that are looked at: mostly there is one
local left = {}  -- keys of which an open job ended
local order = {}

-- Tells whether a job that is pushed now has to wait for its key: another one of it is open. One that is gone, because the
-- server threw it away or somebody deleted it, holds nobody any more.
function Keys.is_taken(key)
  local loose = P .. 'loose:' .. key
  if call('EXISTS', loose, P .. 'waiting:' .. key) == 0 then
    return false
  end
  for _, place in ipairs(call('SRANDMEMBER', loose, SAMPLE)) do
    if call('EXISTS', Jobs.key(Jobs.id(place))) == 0 then
      call('SREM', loose, place)
      Keys.look(key)
    end
  end
  return call('EXISTS', loose, P .. 'waiting:' .. key) > 0
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

-- Notes that an open job of a key ended; whom it held goes on when all else that happens at once has happened.
function Keys.release(job)
  call('SREM', P .. 'loose:' .. job.key, job.place)
  Keys.look(job.key)
end

-- Notes that nobody may hold a key any more.
function Keys.look(key)
  if not left[key] then
    left[key] = true
    order[#order + 1] = key
  end
end

-- The oldest of those that wait goes on, where nobody of their key is loose any more.
local function let_in(key)
  if call('EXISTS', P .. 'loose:' .. key) == 1 then
    return
  end
  local index, job = P .. 'waiting:' .. key, nil
  repeat
    local first = call('ZRANGE', index, 0, 0)
    job = Jobs.of(index, first)[1]
  until job or #first == 0
  if job then
    local fields = {}
    Jobs.leave(job, fields)
    Keys.hold(job)
    Jobs.go_on(job, fields)
  end
end

function Keys.settle()
  for _, key in ipairs(order) do
    let_in(key)
  end
  left, order = {}, {}
end

-- The other open jobs of a key give way to one that comes: those that wait end with an error, those that run are asked
-- to stop.
function Keys.oust(key, error)
  local index = P .. 'waiting:' .. key
  local others = Jobs.of(index, call('ZRANGE', index, 0, -1))
  for _, place in ipairs(call('SMEMBERS', P .. 'loose:' .. key)) do
    others[#others + 1] = Jobs.read(Jobs.id(place))
  end
  for _, job in ipairs(others) do
    if job.state == 'running' then
      Endings.ask(job)
    else
      Endings.finish(job, 'cancelled', {}, error)
    end
  end
end
