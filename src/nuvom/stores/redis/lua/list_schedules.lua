-- needs: store, schedules
-- A step through the schedules, newest first. ARGV: 2 the id after which it begins (none: the newest), 3 the place below which
-- it goes on (none: by the id), 4 JSON with the `state` and the `texts` that are to be found in a definition, 5 how many are
-- wanted, 6 how many it may look at. Returns where it is to go on (nothing: that was all), and ids, heads and definitions.
local after, from, wanted, limit, room = given(2), given(3), cjson.decode(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
if after and not from then
  local head = Schedules.head(after) or Schedules.fence(after)
  from = head and head.seq ~= '-' and head.seq
  if not from then
    return {'', Schedules.told({})}
  end
end
local listed = call(
  'ZREVRANGEBYSCORE', P .. 'schedule_list', from and '(' .. from or '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, room
)
local ids, places = {}, {}
for at = 1, #listed, 2 do
  ids[#ids + 1] = listed[at]
  places[#places + 1] = listed[at + 1]
end
local heads = wanted.state and Schedules.heads(ids)
local definitions = #wanted.texts > 0 and hash_of('schedules', ids)

local function fits(number)
  if wanted.state and Schedules.read(heads[number]).state ~= wanted.state then
    return false
  end
  for _, text in ipairs(wanted.texts) do
    if not string.find(definitions[number], text, 1, true) then
      return false
    end
  end
  return true
end

local found = {}
for number, id in ipairs(ids) do
  if fits(number) then
    found[#found + 1] = id
    if #found == limit then
      return {places[number], Schedules.told(found)}
    end
  end
end
return {#ids == tonumber(room) and places[#places] or '', Schedules.told(found)}
