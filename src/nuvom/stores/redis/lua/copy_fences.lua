-- needs: store, schedules
-- Store fences as they were elsewhere; none of a schedule that lives here, which says more. ARGV, of each: its id, when it
-- ended, its head, and the definition. Returns how many were new.
local new = 0
for at = 2, #ARGV, 4 do
  local id = ARGV[at]
  if not Schedules.head(id) and not Schedules.fence(id) then
    Schedules.keep(id, Schedules.read(ARGV[at + 2]), ARGV[at + 1], ARGV[at + 3])
    new = new + 1
  end
end
return new
