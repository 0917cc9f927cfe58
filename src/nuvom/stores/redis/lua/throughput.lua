-- needs: store
-- What ended in some slices of time, added up. ARGV: 2 the first, 3 the last, 4 how long each is. Returns pairs of `state:queue`
-- and a number.
local sums = {}
for since = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]) do
  local ended = call('HGETALL', P .. 'ended:' .. int(since))
  for place = 1, #ended, 2 do
    sums[ended[place]] = (sums[ended[place]] or 0) + ended[place + 1]
  end
end
local found = {}
for what, number in pairs(sums) do
  found[#found + 1] = {what, int(number)}
end
return found
