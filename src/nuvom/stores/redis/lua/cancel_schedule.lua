-- needs: store, schedules
-- End the life of the schedule ARGV[2]; returns whether there was one.
local head = Schedules.head(ARGV[2])
if head then
  Schedules.finish(ARGV[2], head, 'cancelled')
end
return head and 1 or 0
