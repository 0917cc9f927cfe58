-- needs: store, jobs, insert, ledger, schedules, advancing, dispatching
-- Record, push and advance what still is as it was planned. ARGV[2] is JSON, a list of `nuvom.stores.redis.advancing.told`;
-- what follows are the items that may go the quick way, see dispatching.lua. Returns {id, reason} for each item that is refused.
local told = cjson.decode(ARGV[2])
local planned = Dispatching.quickly()
append(planned, told)
local items, refused = Advancing.fitting(planned)
local rows, jobs = {}, {}
for _, item in ipairs(items) do
  append(rows, item.rows)
  append(jobs, item.jobs)
end
local pushed = Ledger.record(rows, jobs)
for _, item in ipairs(items) do
  for _, job in ipairs(item.jobs) do
    if not pushed[job.id] then
      item.runs = item.runs - 1  -- the ledger had its occurrence already
    end
  end
end
Advancing.settle(items)
Jobs.settle()
return refused
