-- needs: store
-- Store tasks as they were elsewhere; what is there stays. ARGV, of each: its name and its JSON. Returns how many were new.
local new = 0
for at = 2, #ARGV, 2 do
  new = new + call('HSETNX', P .. 'tasks', ARGV[at], ARGV[at + 1])
end
return new
