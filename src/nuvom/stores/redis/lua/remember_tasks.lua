-- needs: store, jobs, flows
-- Write or replace what workers report of tasks; their limits hold from then on for the flows that there are. ARGV[2] is
-- the JSON of [name, row] for each, the row as JSON that scripts and people read.
local changed = false
for _, each in ipairs(cjson.decode(ARGV[2])) do
  local name, row = each[1], each[2]
  local known = call('HGET', P .. 'tasks', name)
  call('HSET', P .. 'tasks', name, row)
  local said, before = cjson.decode(row), known and cjson.decode(known)
  if not before or before.concurrency ~= said.concurrency or before.rate ~= said.rate then
    Flows.relimit(name)
    changed = true
  end
end
if changed then
  Flows.limit_step()
end
Jobs.settle()
return 1
