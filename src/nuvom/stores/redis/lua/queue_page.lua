-- needs: store, queues
-- What waits and runs: a bounded step through the queues. ARGV: 2 where it stands, 3 `oldest` if that is asked for too.
-- Returns where to go on, `0` at the end; for each queue {its name, counts, run_at of its oldest ready job}; what ended.
local page = call('SSCAN', P .. 'queues', ARGV[2], 'COUNT', 500)
local found = {}
for place, queue in ipairs(page[2]) do
  found[place] = {queue, call('HGETALL', P .. 'queue:' .. queue), ''}
end
if ARGV[3] == 'oldest' then
  local oldest = Queues.oldest(page[2])
  for _, each in ipairs(found) do
    each[3] = oldest[each[1]] and int(oldest[each[1]]) or ''
  end
end
return {page[1], found, call('HGETALL', P .. 'totals')}
