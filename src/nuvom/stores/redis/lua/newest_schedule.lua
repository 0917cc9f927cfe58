-- needs: store, schedules
-- The newest that is known of the id ARGV[2]: the head and definition of the schedule, else its fence and the definition there.
local head = Schedules.heads({ARGV[2]})[1]
if head then
  return {head, call('HGET', P .. 'schedules', ARGV[2]), false}
end
local fence = call('HGET', P .. 'fences', ARGV[2])
return {false, fence and call('HGET', P .. 'fence_definitions', ARGV[2]), fence}
