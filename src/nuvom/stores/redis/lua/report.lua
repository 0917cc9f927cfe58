-- needs: store, jobs
-- Keep how far running jobs say they are. ARGV: 2 the worker, 3 the reports as JSON: place, attempt, progress.
for _, report in ipairs(cjson.decode(ARGV[3])) do
  local place, attempt, progress = unpack(report)
  local job = call('ZSCORE', P .. 'running:' .. ARGV[2], place) and Jobs.read(Jobs.id(place))
  if job and job.worker == ARGV[2] and tonumber(job.attempt) == attempt then
    local fields = {}
    Jobs.keep(job, fields, 'progress', progress)
    Jobs.write(job, fields)
  end
end
return 1
