-- needs: store, jobs, insert, ledger, schedules
-- Keep a definition if the generation that is kept is the expected one, and record rows with it. ARGV: 2 id, 3 that generation
-- (none: no fence), 4 the head, 5 the definition, 6 whether its life is over, 7 the rows as JSON. Returns whether it was.
local kept, head = Schedules.fence(ARGV[2]), Schedules.read(ARGV[4])
if (kept and kept.generation) ~= given(3) then
  return 0
end
head.seq = kept and kept.seq or '-'  -- a listing goes on after the place that its schedule had here
Schedules.keep(ARGV[2], head, given(6) and int(now) or '-', ARGV[5])
Ledger.record(cjson.decode(ARGV[7]), {})
return 1
