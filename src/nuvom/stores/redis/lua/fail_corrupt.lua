-- needs: store, jobs, endings
-- End a claimed job that does not decode, so that the rest goes on. ARGV: 2 worker, 3 place, 4 attempt, 5 the error.
local job = Jobs.read(Jobs.id(ARGV[3]))
if job and job.worker == ARGV[2] and job.attempt == ARGV[4] then
  Endings.remember(job, ARGV[5])
  Endings.finish(job, 'failed', {suspect = false}, ARGV[5])
end
Jobs.settle()
return 1
