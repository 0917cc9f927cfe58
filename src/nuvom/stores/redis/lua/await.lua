-- needs: store, jobs
-- Say which of some jobs are final or gone, and that somebody sleeps until the others are. ARGV: 2 JSON of their ids, 3 the
-- ear (none: nobody sleeps), 4 for how many microseconds he counts. Returns ids and states, an empty one for a job that is
-- not there.
-- What is kept of sleepers ends by itself: nobody takes it away for one who died.
local FINAL = {succeeded = true, failed = true, cancelled = true, expired = true}
local ear, period = given(3), tonumber(ARGV[4])
local found, sleeps = {}, false
for _, id in ipairs(cjson.decode(ARGV[2])) do
  local state = call('HGET', Jobs.key(id), 'state')
  if not state or FINAL[state] then
    found[#found + 1] = id
    found[#found + 1] = state or ''
  elseif ear then
    local key = P .. 'waiters:' .. id
    call('ZADD', key, int(now + period), ear)
    call('PEXPIRE', key, int(2 * period / 1000))
    sleeps = true
  end
end
if sleeps then
  call('SET', P .. 'waited', '1', 'PX', int(2 * period / 1000))
end
return found
