-- needs: store, schedules
-- Move the next run of the schedule ARGV[2] to ARGV[3], forward only.
local head = Schedules.head(ARGV[2])
if head and head.next_run ~= '-' and tonumber(head.next_run) < tonumber(ARGV[3]) then
  Schedules.change(ARGV[2], head, {next_nominal = ARGV[3], next_run = ARGV[3]})
end
return 1
