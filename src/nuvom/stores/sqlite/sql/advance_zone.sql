-- Move a schedule on as advance.sql does, where another release of the tz database computed its next run.
UPDATE schedules
SET next_nominal = ?4, next_run = ?5, run_count = run_count + ?6, tzdata = ?7,
    times_since = coalesce(?8, times_since)
WHERE id = ?1 AND generation = ?2 AND next_run = ?3 AND state = 'active';
