-- needs: store, jobs, ledger
-- Which of the schedules of ARGV[2], JSON of their overlaps by id, may not start another run now.
local found = {}
for schedule, overlap in pairs(cjson.decode(ARGV[2])) do
  if Ledger.blocks(schedule, overlap) then
    found[#found + 1] = schedule
  end
end
return found
