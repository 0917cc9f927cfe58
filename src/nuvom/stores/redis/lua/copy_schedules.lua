-- needs: store, schedules
-- Store schedules as they were elsewhere; none of which a newer end is known here. ARGV, of each: its id, its head, its name
-- (from the second letter on; empty for none), and its definition. Returns how many were new; or nothing was done, and it
-- returns whose name is taken and by whom.
local new = {}
for at = 2, #ARGV, 4 do
  local id, head, name = ARGV[at], Schedules.read(ARGV[at + 1]), given(at + 2)
  local fence = Schedules.fence(id)
  local ended = fence and fence.ended_at ~= '-' and tonumber(fence.generation) >= tonumber(head.generation)
  if not Schedules.head(id) and not ended then
    local owner = Schedules.owner(id, name and string.sub(name, 2))
    if owner then
      return {id, owner}
    end
    new[#new + 1] = {id, head, ARGV[at + 3], name and string.sub(name, 2)}
  end
end
for _, each in ipairs(new) do
  Schedules.put(each[1], nil, each[2], each[3], each[4])
end
return #new
