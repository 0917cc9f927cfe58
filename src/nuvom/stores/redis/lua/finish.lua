-- needs: store, jobs, endings
-- Record how jobs ended that a worker holds. ARGV[2] is the worker, ARGV[3] the outcomes as JSON: place, attempt, verdict,
-- value, error, run_at, retries, reported, told. Returns the numbers of those that it does not hold.
local worker = ARGV[2]
local refused = {}
local running = P .. 'running:' .. worker
for number, outcome in ipairs(cjson.decode(ARGV[3])) do
  local job = call('ZSCORE', running, outcome.place) and Jobs.read(Jobs.id(outcome.place))
  if not job or job.worker ~= worker or tonumber(job.attempt) ~= outcome.attempt then
    refused[#refused + 1] = number
  elseif outcome.verdict == 'succeeded' then
    if outcome.value then
      Jobs.keep(job, 'value', outcome.value)
    end
    if outcome.error then
      Jobs.keep(job, 'error', outcome.error)
    end
    Endings.finish(job, 'succeeded', {suspect = false})
  else
    error('verdict ' .. outcome.verdict)
  end
end
Jobs.settle()
return refused
