-- needs: store, jobs
-- The seq before which a page goes on. ARGV: 2 the last job of the page before, 3 by when it was created, if its id says
-- so: where it is gone, the page goes on after the last job that was created by then.
local seq = call('HGET', Jobs.key(ARGV[2]), 'seq')
if seq then
  return seq
end
local created = given(3)
if not created then
  return '0'
end
local jobs = P .. 'jobs'
local low, high = 0, call('ZCARD', jobs)  -- all below `low` were created by then, all from `high` on later
while low < high do
  local middle = math.floor((low + high) / 2)
  local place = call('ZRANGE', jobs, middle, middle)[1]
  local at = call('HGET', Jobs.key(Jobs.id(place)), 'created_at')
  if at and tonumber(at) > tonumber(created) then
    high = middle
  else
    low = middle + 1
  end
end
if low == 0 then
  return '0'
end
return int(call('ZRANGE', jobs, low - 1, low - 1, 'WITHSCORES')[2] + 1)
