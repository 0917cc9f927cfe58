-- needs: store, schedules
-- Schedules that are due, the longest due first. ARGV: 2 until when, 3 how many.
return Schedules.told(Schedules.at(call('ZRANGEBYSCORE', P .. 'due', '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])))
