-- needs: store, schedules
-- What runs next, at most ARGV[2].
return Schedules.told(Schedules.at(call('ZRANGEBYSCORE', P .. 'due', '-inf', '+inf', 'LIMIT', 0, ARGV[2])))
