-- needs: store, jobs, insert, ledger, schedules, fencing
-- Record and push for schedules kept elsewhere. ARGV[2] is the plan as JSON, a list of `nuvom.stores.redis.advancing.told`.
-- Returns {id, reason} for each item that is refused.
local items = cjson.decode(ARGV[2])
local refused, rows, jobs = {}, {}, {}
local reasons = {}
for number, item in ipairs(items) do
  reasons[number] = Fencing.refusal(item)
end
for number, item in ipairs(items) do
  if reasons[number] then
    refused[#refused + 1] = {item.id, reasons[number]}
  else
    append(rows, item.rows)
    append(jobs, item.jobs)
  end
end
Ledger.record(rows, jobs)
Jobs.settle()
return refused
