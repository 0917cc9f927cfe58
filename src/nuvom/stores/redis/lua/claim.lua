-- needs: store, candidates, workers
-- Turn ready jobs into running ones of a worker that lives, the best first; heads of each priority before them if asked.
-- ARGV: 2 worker, 3 limit, 4 JSON of the queues (none: all), 5 JSON of tasks to pass over (none: none), 6 `fair` or
-- `best`, 7 the latest run_at (none: any), 8 where it goes on (none: at the first). Returns for each what changes of it, then
-- its body; or, where so many were passed over that it stopped before it found one, where it is to go on.
local worker, limit = ARGV[2], tonumber(ARGV[3])
if not Workers.lives(worker) then
  return {}
end
local asked = Candidates.asked(given(4), given(5), tonumber(ARGV[7]), given(8), true)
local taken = ARGV[6] == 'fair' and Candidates.heads(asked, limit) or {}
append(taken, Candidates.best(asked, limit - #taken))
local answer = Workers.start(worker, taken, not asked.may_pass)
return #answer == 0 and asked.stopped and {asked.stopped} or answer
