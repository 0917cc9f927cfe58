-- needs: store
-- Store fences as they were elsewhere; none of a schedule that lives here, which says more. ARGV, of each: its id, what the
-- fence says, and the definition. Returns how many were new.
local new = 0
for at = 2, #ARGV, 3 do
  local id = ARGV[at]
  if call('HEXISTS', P .. 'heads', id) == 0 and call('HSETNX', P .. 'fences', id, ARGV[at + 1]) == 1 then
    call('HSET', P .. 'fence_definitions', id, ARGV[at + 2])
    new = new + 1
  end
end
return new
