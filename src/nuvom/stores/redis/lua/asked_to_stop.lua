-- needs: store, jobs
-- What a worker runs that somebody asked to stop. ARGV[2] is the worker. Returns places, each with its attempt.
local found = {}
for _, place in ipairs(call('SMEMBERS', P .. 'asked:' .. ARGV[2])) do
  local attempt = call('HGET', Jobs.key(Jobs.id(place)), 'attempt')
  if attempt then  -- else somebody deleted the job
    found[#found + 1] = {place, tonumber(attempt)}
  end
end
return found
