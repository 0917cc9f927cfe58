-- needs: store, jobs, insert, ledger, schedules, advancing, fencing
-- Record and push what somebody asked for. ARGV: 2 the item as JSON, 3 for what it is recorded once.
-- Returns why it is refused, and the ids of the jobs that were pushed.
local item = cjson.decode(ARGV[2])
local refusal = Fencing.refusal(item)
if refusal then
  return {refusal, {}}
end
local pushed = {}
for job in pairs(Ledger.record(item.rows, item.jobs, ARGV[3] ~= 'row' and ARGV[3])) do
  pushed[#pushed + 1] = job
end
Jobs.settle()
return {'', pushed}
