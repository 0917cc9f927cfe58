-- needs: store, suspects, jobs, flows, workers
-- Turn the suspect that waits longest into a running job of a worker that lives: it is to run alone. ARGV: 2 worker,
-- 3 JSON of the queues (none: all), 4 JSON of tasks to pass over (none: none), 5 the latest run_at (none: any). Returns
-- what claim.lua does.
local worker = ARGV[2]
if not Workers.lives(worker) then
  return {}
end
local best = Suspects.best(given(3), given(4), tonumber(ARGV[5]), true)
if best then
  Suspects.remove({queue = best[3], place = best[2]})
end
return Workers.start(worker, {best})
