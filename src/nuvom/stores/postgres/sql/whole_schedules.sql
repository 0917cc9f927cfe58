-- All that is kept of some schedules.
SELECT
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor, next_nominal, next_run,
    catch_up, state, note, origin, generation, run_count, options, defaults, metadata, tzdata, created_at, updated_at,
    unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter, paused_at, overridden
FROM nuvom.schedules
WHERE id = ANY ($1::uuid[]);
