-- needs: store, candidates, suspects
-- Tell whether a claim would find something. ARGV: 2 JSON of the queues (none: all), 3 JSON of tasks to pass over (none:
-- none), 4 the latest run_at (none: any), 5 where it goes on (none: at the first). Returns 1 or 0; or, where so many would be
-- passed over that it stopped before it knew, where it is to go on.
local wanted, excluding, latest, after = given(2), given(3), tonumber(ARGV[4]), given(5)
if not after and Suspects.best(wanted, excluding, latest) then
  return 1
end
if not wanted and not excluding and not latest then
  return call('EXISTS', P .. 'priorities')
end
local asked = Candidates.asked(wanted, excluding, latest, after)
return #Candidates.best(asked, 1) > 0 and 1 or asked.stopped or 0
