-- needs: store, schedules
-- Set a schedule aside that does not decode, once. ARGV: 2 id, 3 the generation that was read, 4 why. Returns its generation.
local head = Schedules.head(ARGV[2])
if head and head.generation == ARGV[3] and head.state ~= 'quarantined' then
  Schedules.set_aside(ARGV[2], head, ARGV[4])
end
return head and head.generation
