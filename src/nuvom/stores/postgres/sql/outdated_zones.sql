-- Cron schedules whose next run lies ahead and was computed with another release of the tz database: an earlier one, or
-- a later one, each by the index's order, so that the planner never reads all of them to find none.
SELECT
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor,
    next_nominal, next_run, catch_up, state, note, origin, generation, run_count, options, defaults,
    metadata, tzdata, created_at, updated_at, unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter,
    paused_at, overridden
FROM (
    (
        SELECT * FROM nuvom.schedules
        WHERE state = 'active' AND cron IS NOT NULL AND tzdata < :tzdata
            AND next_run + 0 > coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint)
        ORDER BY tzdata, seq
        LIMIT :limit
    )
    UNION ALL
    (
        SELECT * FROM nuvom.schedules
        WHERE state = 'active' AND cron IS NOT NULL AND tzdata > :tzdata
            AND next_run + 0 > coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint)
        ORDER BY tzdata, seq
        LIMIT :limit
    )
) AS outdated
LIMIT :limit;
