-- needs: store, jobs
-- What a worker runs that somebody asked to stop. ARGV[2] is the worker. Returns places, each with its attempt.
local found = {}
for _, place in ipairs(call('SMEMBERS', P .. 'asked:' .. ARGV[2])) do
  found[#found + 1] = {place, tonumber(call('HGET', Jobs.key(Jobs.id(place)), 'attempt'))}
end
return found
