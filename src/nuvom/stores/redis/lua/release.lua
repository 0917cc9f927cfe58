-- needs: store, jobs, losses, workers
-- End the lease of a process seen dead and free its running jobs. ARGV: 2 its id, 3 the cause, 4 1 if they are charged.
-- Returns how many there were.
Workers.bury(ARGV[2])
local lost = Losses.of(ARGV[2], 'crash', ARGV[3], ARGV[4] == '1')
Jobs.settle()
return lost
