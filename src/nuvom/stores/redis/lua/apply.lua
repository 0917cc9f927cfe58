-- needs: store, jobs, insert, ledger, schedules, fencing
-- Record, push and advance what still is as it was planned. ARGV[2] is the plan as JSON, a list of
-- `nuvom.stores.redis.advancing.told`. Returns {id, reason} for each item that is refused.
local items = cjson.decode(ARGV[2])
local refused, fitting, rows, jobs = {}, {}, {}, {}
local ids, heads = {}, {}
for number, item in ipairs(items) do
  ids[number] = item.id
end
for number, text in ipairs(hash_of('schedule_heads', ids)) do
  heads[ids[number]] = text and Schedules.read(text) or nil
end

local function refusal(item)
  local head = heads[item.id]
  if not head then
    return 'gone'
  elseif head.generation ~= item.generation then
    return 'generation'
  elseif head.state ~= 'active' then
    return 'state'
  elseif head.next_run ~= item.expected then
    return 'next_run'
  end
end

-- What comes twice fits once: the second of them finds the schedule as the first will leave it.
local is_taken = {}
for _, item in ipairs(items) do
  local reason = Fencing.moved_on(item) and 'open_runs' or refusal(item) or is_taken[item.id]
  if reason then
    refused[#refused + 1] = {item.id, reason}
  else
    is_taken[item.id] = item.quarantine and 'generation' or item.next_run and 'next_run' or 'gone'
    if item.quarantine then
      Schedules.set_aside(item.id, heads[item.id], item.quarantine)
    else
      fitting[#fitting + 1] = item
      append(rows, item.rows)
      append(jobs, item.jobs)
    end
  end
end
local pushed = Ledger.record(rows, jobs)
local advanced, due = {}, {}
for _, item in ipairs(fitting) do
  local head = heads[item.id]
  for _, job in ipairs(item.jobs) do
    if pushed[job.id] then
      head.run_count = head.run_count + 1
    end
  end
  head.run_count = int(head.run_count)
  if not item.next_run then
    Schedules.finish(item.id, head, 'done')
  elseif item.definition then
    local moved = {next_nominal = item.next_nominal, next_run = item.next_run, zone = item.zone}
    Schedules.change(item.id, head, moved, item.definition)
  else
    head.next_nominal, head.next_run = item.next_nominal, item.next_run
    advanced[#advanced + 1] = item.id
    advanced[#advanced + 1] = Schedules.text(head)
    due[#due + 1] = head.next_run
    due[#due + 1] = Schedules.place(item.id, head)
  end
end
in_parts('HSET', P .. 'schedule_heads', advanced)
in_parts('ZADD', P .. 'due', due)
Jobs.settle()
return refused
