-- needs: store, schedules
-- The schedule of the name ARGV[2], as ids, heads and definitions.
local id = call('HGET', P .. 'names', ARGV[2])
return Schedules.told(id and {id} or {})
