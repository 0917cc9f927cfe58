-- needs: store, jobs, pruning
-- Forget jobs that ended long enough ago, and those whose key is gone: a bounded step. ARGV: 2 the seq after which it begins, 3 how many are looked at,
-- 4 before when a job must have ended, 5 the same for a failed one. Returns where to go on, empty when there is no more.
local after, page = ARGV[2], tonumber(ARGV[3])
local before, failed_before = tonumber(ARGV[4]), tonumber(ARGV[5])
local jobs = P .. 'jobs'
local places = call('ZRANGEBYSCORE', jobs, '(' .. after, '+inf', 'LIMIT', 0, page)
local newest = call('ZREVRANGE', jobs, 0, 0)[1]  -- which stays
local over, created = {}, 0
for _, place in ipairs(places) do
  local said = call('HMGET', Jobs.key(Jobs.id(place)), 'state', 'finished_at', 'unique_until', 'created_at')
  local cutoff = said[1] == 'failed' and failed_before or before
  created = tonumber(said[4]) or created
  local stands = said[3] and tonumber(said[3]) > now
  local is_old = said[2] and tonumber(said[2]) < cutoff and not stands and place ~= newest
  if is_old or not said[1] then
    over[#over + 1] = place
  end
end
Pruning.forget(over)
Jobs.settle()
-- Nothing ends before it is created: past this one, seq for seq, all are too young.
if #places < page or created >= math.max(before, failed_before) then
  return ''
end
return int(tonumber(string.sub(places[#places], 1, 12), 16))
