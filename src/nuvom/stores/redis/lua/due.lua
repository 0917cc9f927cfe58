-- needs: store, schedules
-- Schedules that are due, the longest due first. ARGV: 2 until when, 3 how many, 4 the scheduler whose share of them is wanted
-- (none: of all). There are as many shares as live schedulers, up to sixteen, and theirs follow from the order of their ids.
local limit, scheduler = tonumber(ARGV[3]), given(4)
local function first(room)
  return call('ZRANGEBYSCORE', P .. 'due', '-inf', ARGV[2], 'LIMIT', 0, room)
end
if not scheduler then
  return Schedules.told(Schedules.at(first(limit)))
end
local count, own = 0, 0
for _, worker in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '(' .. int(now), '+inf')) do
  if call('HGET', P .. 'worker:' .. worker, 'kind') == 'scheduler' then
    count = count + 1
    own = own + (worker < scheduler and 1 or 0)
  end
end
local shares = math.min(math.max(count, 1), 16)
local found = {}
for _, place in ipairs(first(limit * shares)) do
  if #found < limit and tonumber(string.sub(place, 1, 12), 16) % shares == own % shares then
    found[#found + 1] = place
  end
end
return Schedules.told(Schedules.at(found))
