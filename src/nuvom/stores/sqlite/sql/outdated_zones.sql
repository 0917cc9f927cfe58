-- Cron schedules whose next run lies ahead and was computed with another release of the tz database.
SELECT
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor,
    next_nominal, next_run, catch_up, state, note, origin, generation, run_count, options, defaults,
    metadata, tzdata, created_at, updated_at, unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter,
    paused_at, overridden
FROM schedules INDEXED BY schedules_tzdata
WHERE state = 'active' AND cron IS NOT NULL AND (tzdata < ?1 OR tzdata > ?1) AND next_run > ?2
LIMIT ?3;
