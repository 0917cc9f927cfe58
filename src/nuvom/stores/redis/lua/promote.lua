-- needs: store, jobs, flows, endings, unique
-- Make due delayed jobs ready, the oldest first, open flows whose time has come, and let jobs give up that were not started
-- in time; of each at most ARGV[2]. Returns how many came due or were let go, and 1 if there may be more.
local limit = tonumber(ARGV[2])
local opened = Flows.limit_step() + Flows.open_due(limit)

local function due_of(index)
  return call('ZRANGEBYSCORE', P .. index, '-inf', int(now), 'LIMIT', 0, limit)
end

local over = due_of('expiring')
for _, job in ipairs(Jobs.of(P .. 'expiring', over)) do
  Endings.finish(job, 'expired', {})
end

local due = due_of('delayed')
local plain = {}
for _, place in ipairs(due) do
  local key = Jobs.key(Jobs.id(place))
  local said = call('HMGET', key, 'queue', 'priority', 'run_at', 'flow', 'suspect')
  if said[4] or said[5] then
    local job, fields = Jobs.read(Jobs.id(place)), {}
    Jobs.leave(job, fields)
    Jobs.may_run(job, fields)
  elseif not said[1] then
    plain[#plain + 1] = place  -- somebody deleted the job
  else
    call('HSET', key, 'state', 'ready')
    Ready.add(said[1], said[2], said[3], place)
    Jobs.count(said[1], 'delayed', -1)
    Jobs.count(said[1], 'ready', 1)
    plain[#plain + 1] = place
  end
end
in_parts('ZREM', P .. 'delayed', plain)
Jobs.settle()
if opened > 0 then
  Wake.say('worker')
end
return {#due + opened, math.max(#due, #over, opened) >= limit and 1 or 0}
