-- needs: store, jobs
-- One job: its fields, its body, and what of it is large.
local id = ARGV[2]
local fields = call('HGETALL', Jobs.key(id))
if #fields == 0 then
  return {}
end
return {fields, call('GET', P .. 'body:' .. id), call('HGETALL', P .. 'large:' .. id)}
