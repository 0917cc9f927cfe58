-- needs: store, jobs, endings
-- What a lost process costs the jobs that it ran: the first loss nothing, each later one a crash, until it fails.

local function error_of(kind, message)
  return cjson.encode({kind = kind, type = '', message = message, traceback = ''})
end

local function fail(job, crashes, error)
  Endings.remember(job, error)
  Endings.finish(job, 'failed', {suspect = false, crashes = crashes > 0 and crashes or false}, error)
  Endings.untold(job)
end

-- Frees a running job of a lost process. `kind` is `crash` (seen dead) or `lost` (its lease ran out); without `charged` no
-- job is to blame for it.
local function lose(job, kind, cause, charged)
  local most = tonumber(job.max_crashes)
  if most == 0 then
    fail(job, 0, error_of(kind, 'its process died (' .. cause .. '), and max_crashes=0 forbids to run it again'))
  elseif not charged then
    Endings.go_on(job, {})
  elseif not job.suspect then
    Endings.remember(job, error_of(kind, 'its process died (' .. cause .. '); the first loss is free'))
    Endings.go_on(job, {suspect = 1})
  else
    local crashes = (tonumber(job.crashes) or 0) + 1
    local count = int(crashes + 1)
    local error = error_of(kind, count .. ' processes died while they ran it, the last one: ' .. cause)
    if crashes < most then
      Endings.remember(job, error)
      Endings.go_on(job, {crashes = crashes}, error)
    else
      fail(job, crashes, error)
    end
  end
end

-- Frees what a process runs, at most so many jobs (nil: all of it); returns how many those were.
function Losses.of(worker, kind, cause, charged, most)
  local index = P .. 'running:' .. worker
  local jobs = Jobs.of(index, call('ZRANGE', index, 0, most and most - 1 or -1))
  for _, job in ipairs(jobs) do
    lose(job, kind, cause, charged)
  end
  return #jobs
end
