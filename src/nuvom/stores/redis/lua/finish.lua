-- needs: store, plain_finish, jobs, endings
-- Record how jobs ended that a worker holds; see plain_finish.lua for ARGV. JSON of an outcome has verdict, value, error,
-- run_at, retries, reported and untold. Returns the numbers of those that it does not hold.
local worker = ARGV[2]
local refused = {}
local running = P .. 'running:' .. worker

-- Returns what an error of the task changes of a job. A deploy may have lowered retries below the errors there are already.
local function failure(job, outcome)
  local errors = tonumber(job.errors) or 0
  return {
    suspect = false,
    errors = errors + (outcome.reported and 1 or 0),
    retries = math.max(outcome.retries, errors),
  }
end

local function later(outcome)
  return outcome.run_at or int(now)
end

local record = {}

function record.succeeded(job, outcome)
  local fields = {suspect = false}
  if outcome.value then
    Jobs.keep(job, fields, 'value', outcome.value)
  end
  Endings.finish(job, 'succeeded', fields, outcome.error or false)
end

function record.failed(job, outcome)
  Endings.remember(job, outcome.error)
  Endings.finish(job, 'failed', failure(job, outcome), outcome.error or false)
  if outcome.untold then
    Endings.untold(job)
  end
end

function record.cancelled(job, outcome)
  Endings.remember(job, outcome.error)
  Endings.finish(job, 'cancelled', {suspect = false}, outcome.error or false)
end

function record.retry(job, outcome)
  Endings.remember(job, outcome.error)
  local fields = failure(job, outcome)
  fields.errors = (tonumber(job.errors) or 0) + 1
  fields.run_at = later(outcome)
  Endings.go_on(job, fields, outcome.error or false, 'delayed')
  Wake.say('worker')  -- a time to wake for that nobody else knows yet
end

function record.defer(job, outcome)
  Endings.go_on(job, {run_at = later(outcome), defers = (tonumber(job.defers) or 0) + 1}, nil, 'delayed')
  Wake.say('worker')
end

function record.put_back(job)
  Endings.go_on(job, {})
end

for _, number in ipairs(Quick.rest) do
  local outcome = Quick.outcome(number)
  local job = call('ZSCORE', running, outcome.place) and Jobs.read(Jobs.id(outcome.place))
  if not job or job.worker ~= worker or tonumber(job.attempt) ~= outcome.attempt then
    refused[#refused + 1] = number
  else
    record[outcome.verdict](job, outcome)
  end
end
Jobs.settle()
return refused
