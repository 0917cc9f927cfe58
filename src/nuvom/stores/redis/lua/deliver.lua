-- needs: store, jobs, insert, ledger, schedules, advancing, fencing
-- Record and push for schedules kept elsewhere. ARGV[2] is the plan as JSON, a list of `nuvom.stores.redis.advancing.told`;
-- items with nothing left to run have a head and a definition. Returns {id, reason} for each item that is refused.
local items, reasons = cjson.decode(ARGV[2]), {}
local accepted, refused, rows, jobs = {}, {}, {}, {}
for number, item in ipairs(items) do
  reasons[number] = Fencing.refusal(item)
end
for number, item in ipairs(items) do
  if reasons[number] then
    refused[#refused + 1] = {item.id, reasons[number]}
  else
    accepted[#accepted + 1] = item
    append(rows, item.rows)
    append(jobs, item.jobs)
  end
end
local pushed = Ledger.record(rows, jobs)
for _, item in ipairs(accepted) do
  if item.head then
    item.runs = 0
    for _, job in ipairs(item.jobs) do
      item.runs = item.runs + (pushed[job.id] and 1 or 0)
    end
    Fencing.finish(item)
  end
end
Jobs.settle()
return refused
