-- needs: store, listing
-- The jobs at some places that fit. ARGV: 2 JSON of the places, 3 JSON of what is wanted.
local places = cjson.decode(ARGV[2])
local found = Listing.among(places, cjson.decode(ARGV[3]), #places)
return found
