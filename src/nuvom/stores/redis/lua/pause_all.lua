-- needs: store, schedules
-- Pause every active schedule, and give each the generation that a change of its own would have given it. ARGV[2] is the
-- note. Returns how many those were.
local count = 0
while true do
  local places = call('ZPOPMIN', P .. 'due', 1000)
  if #places == 0 then
    break
  end
  local members, changed = {}, {}
  for at = 1, #places, 2 do
    members[#members + 1] = places[at]
  end
  local ids = Schedules.at(members)
  for number, text in ipairs(hash_of('schedule_heads', ids)) do
    local head = Schedules.read(text)
    head.state, head.note, head.paused_at, head.updated_at = 'paused', ARGV[2], int(now), int(now)
    head.generation = Schedules.newer(head)
    changed[#changed + 1] = ids[number]
    changed[#changed + 1] = Schedules.text(head)
  end
  in_parts('HSET', P .. 'schedule_heads', changed)
  count = count + #ids
end
for _, zone in ipairs(call('SMEMBERS', P .. 'zones')) do
  call('DEL', P .. 'zone:' .. zone)
end
call('DEL', P .. 'zones')
return count
