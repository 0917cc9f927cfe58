-- needs: store, listing
-- Jobs of an index, the newest first: a bounded step. ARGV: 2 the index, 3 the seq before which it begins (none: the
-- end), 4 JSON of what is wanted, 5 how many are wanted, 6 how many are looked at. Returns the place to go on from, empty
-- at the beginning of the index, and what was found.
local before = given(3)
local page = tonumber(ARGV[6])
local places = call('ZREVRANGEBYSCORE', P .. ARGV[2], before and '(' .. before or '+inf', '-inf', 'LIMIT', 0, page)
local found, last = Listing.among(places, cjson.decode(ARGV[4]), tonumber(ARGV[5]))
if last == places[#places] and #places < page then
  last = nil
end
return {last or '', found}
