-- needs: store
-- Where the jobs are that some workers run: a bounded step through the leases. ARGV: 2 from which on, 3 how many workers.
-- Returns how many there were, and the places.
local from = tonumber(ARGV[2])
local workers = call('ZRANGE', P .. 'leases', from, from + ARGV[3] - 1)
local places = {}
for _, worker in ipairs(workers) do
  for _, place in ipairs(call('ZRANGE', P .. 'running:' .. worker, 0, -1)) do
    places[#places + 1] = place
  end
end
return {#workers, places}
