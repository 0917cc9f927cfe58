-- needs: store, schedules
-- Pause every active schedule, with the note ARGV[2]; rest_schedules.lua follows. Returns how many those were, nothing where it
-- is to be asked for again after that.
return Schedules.rest(ARGV[2])
