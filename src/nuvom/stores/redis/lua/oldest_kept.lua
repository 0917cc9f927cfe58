-- needs: store, jobs, ledger
-- The keys of the oldest rows that stay while their schedules live. ARGV: 2 JSON of the schedules, 3 how many newer ones do.
local kept = {}
for number, schedule in ipairs(cjson.decode(ARGV[2])) do
  kept[number] = Ledger.page(schedule, '', ':', 1, ARGV[3])[1] or ''
end
return kept
