-- needs: store, jobs, ledger, schedules, advancing
-- Advance what still is as it was planned; its ledger is in another store. ARGV[2] is the plan as for apply.lua, without rows,
-- jobs and open runs. Returns {id, reason} for each item that is refused.
local items, refused = Advancing.fitting(cjson.decode(ARGV[2]))
Advancing.settle(items)
return refused
