-- needs: store, schedules
-- Schedules by their ids, a list as JSON in ARGV[2]: ids, heads and definitions.
return Schedules.told(cjson.decode(ARGV[2]))
