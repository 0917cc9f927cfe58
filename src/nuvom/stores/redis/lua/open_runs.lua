-- needs: store
-- How many open runs the schedule ARGV[2] has.
return call('ZCARD', P .. 'open_runs:' .. ARGV[2])
