-- needs: store, upkeep
-- Store flows as they were elsewhere; what is there stays. ARGV, of each: its name, its task, and JSON of its other fields
-- with when it opens. Returns how many were new.
local new = 0
for at = 2, #ARGV, 3 do
  if Upkeep.keep(ARGV[at], ARGV[at + 1], cjson.decode(ARGV[at + 2])) then
    new = new + 1
  end
end
return new
