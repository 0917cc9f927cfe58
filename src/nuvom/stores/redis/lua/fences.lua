-- needs: store
-- A page of fences by generation and id, without those that are done. ARGV: 2 the generation and 3 the id after which it
-- begins, 4 how many. Returns ids, fences and definitions.
local changed, generation, id, limit = P .. 'fences_changed', tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local score = call('ZSCORE', changed, id)
local from
if score and tonumber(score) == generation then
  from = call('ZRANK', changed, id) + 1
else
  from = call('ZCOUNT', changed, '-inf', '(' .. ARGV[2])
end
local found = {}
while #found < limit do
  local page = call('ZRANGE', changed, from, from + limit - 1, 'WITHSCORES')
  for at = 1, #page, 2 do
    if #found < limit and (tonumber(page[at + 1]) > generation or page[at] > id) then
      found[#found + 1] = page[at]
    end
  end
  if #page < 2 * limit then
    break
  end
  from = from + limit
end
return {found, hash_of('fences', found), hash_of('fence_definitions', found)}
