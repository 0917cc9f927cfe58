-- needs: store, jobs, endings
-- Store jobs as they were elsewhere; what is there stays. ARGV, of each: JSON with its `id`, `fields`, `state`, `waits_for`,
-- `large` values, `attempts` and whether somebody has yet to be `untold` of its end; and its body. Returns how many were new.

-- Puts an open job where it waits.
local function wait(job, said)
  if job.unique then
    Unique.add(job)
  end
  if job.expires_at and not job.attempt then
    call('ZADD', P .. 'expiring', job.expires_at, job.place)
  end
  if job.schedule and not job.backfill then
    call('ZADD', P .. 'open_runs:' .. job.schedule, job.seq, job.place)
  end
  if job.flow then
    Flows.count(job.flow, 1)
  end
  if job.key and said.waits_for ~= 'key' then
    Keys.hold(job)
  end
  Jobs.wait(job, said.state, said.waits_for)
end

-- Notes a final job where such are looked for.
local function ended(job, said)
  Jobs.write(job, {state = said.state})
  Jobs.count(job.queue, said.state, 1)
  if job.unique then
    Unique.add(job)
    Unique.ended(job)
  end
  if said.state == 'failed' then
    call('ZADD', P .. 'failed', job.seq, job.place)
  end
  if said.untold then
    Endings.untold(job)
  end
end

local function copy(said, body)
  local job = {id = said.id, seq = int(call('INCR', P .. 'seq'))}
  job.place = Jobs.place(job.seq, job.id)
  said.fields.seq = job.seq
  for name, value in pairs(said.large) do
    Jobs.keep(job, said.fields, name, value)
  end
  Jobs.write(job, said.fields)
  call('SET', P .. 'body:' .. job.id, body)
  call('ZADD', P .. 'jobs', job.seq, job.place)
  in_parts('RPUSH', P .. 'attempts:' .. job.id, said.attempts)
  if job.schedule then
    call('ZADD', P .. 'runs:' .. job.schedule, job.seq, job.place)
  end
  if Jobs.is_open(said.state) then
    wait(job, said)
  else
    ended(job, said)
  end
end

local new = 0
for at = 2, #ARGV, 2 do
  local said = cjson.decode(ARGV[at])
  if call('EXISTS', Jobs.key(said.id)) == 0 then
    copy(said, ARGV[at + 1])
    new = new + 1
  end
end
Flows.pass()
Jobs.settle()
return new
