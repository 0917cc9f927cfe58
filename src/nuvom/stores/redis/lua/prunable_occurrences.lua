-- needs: store, jobs, ledger, schedules
-- A step through the ledger with what decides about each row. ARGV: 2 the key after which it begins, 3 how many. Returns the
-- rows, and of each of their schedules whether its life is over and its definition.
local keys = call('ZRANGEBYLEX', P .. 'ledger', '(' .. ARGV[2], '+', 'LIMIT', 0, ARGV[3])
local schedules, last = {}, nil
for _, key in ipairs(keys) do
  local id = string.sub(key, 1, 36)
  if id ~= last then
    last = id
    local definition = call('HGET', P .. 'schedules', id)
    local fence = not definition and Schedules.fence(id)
    local ended = fence and fence.ended_at ~= '-' and 1 or 0
    schedules[#schedules + 1] = {id, ended, definition or call('HGET', P .. 'fence_definitions', id)}
  end
end
return {Ledger.told(keys), schedules}
