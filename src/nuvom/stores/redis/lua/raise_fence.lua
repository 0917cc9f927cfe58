-- needs: store, schedules
-- Keep a definition if the generation that is kept is the expected one. ARGV: 2 id, 3 that generation (none: no fence), 4 the
-- head, 5 the definition, 6 whether its life is over. Returns whether it was.
local kept, head = Schedules.fence(ARGV[2]), Schedules.read(ARGV[4])
if (kept and kept.generation) ~= given(3) then
  return 0
end
head.seq = kept and kept.seq or '-'  -- a listing goes on after the place that its schedule had here
call('HSET', P .. 'fences', ARGV[2], (given(6) and int(now) or '-') .. ' ' .. Schedules.text(head))
call('HSET', P .. 'fence_definitions', ARGV[2], ARGV[5])
return 1
