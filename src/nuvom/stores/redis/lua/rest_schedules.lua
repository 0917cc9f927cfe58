-- needs: store, schedules
-- Write into the heads of at most ARGV[2] schedules that all were paused. Returns whether there may be more.
return Schedules.settle_rest(tonumber(ARGV[2])) and 1 or 0
