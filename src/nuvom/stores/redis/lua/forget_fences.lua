-- needs: store, jobs, ledger, schedules
-- A step through the fences that forgets ended schedules without rows. ARGV: 2 where it goes on, 3 before when they must have
-- ended. What was declared in code stays: as long as its fence is there, a sync knows that somebody cancelled it, or that it
-- has run to its end. Returns where to go on, 0 at the end.
local page = call('HSCAN', P .. 'fences', ARGV[2], 'COUNT', 500)
for at = 1, #page[2], 2 do
  local id, ended_at = page[2][at], tonumber(string.match(page[2][at + 1], '^%S+'))
  if ended_at and ended_at < tonumber(ARGV[3]) and not Ledger.has(id) then
    local definition = call('HGET', P .. 'fence_definitions', id)
    if not definition or not string.find(definition, '"origin":"code"', 1, true) then
      Schedules.forget(id)
    end
  end
end
return page[1]
