-- One share of what is due, the longest due first: there are as many shares as live schedulers, up to sixteen, and theirs
-- follow from the order of their ids. Of so many the head is read in its order, until there are enough: the planner
-- would take a share of all for a few, and read all.
WITH living AS MATERIALIZED (
    SELECT id FROM nuvom.workers
    WHERE kind = 'scheduler'
        AND lease_until > coalesce(:given, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000)::bigint)
)
SELECT
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor,
    next_nominal, next_run, catch_up, state, note, origin, generation, run_count, options, defaults,
    metadata, tzdata, created_at, updated_at, unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter,
    paused_at, overridden
FROM (
    SELECT * FROM nuvom.schedules
    WHERE state = 'active' AND next_run <= :now
    ORDER BY next_run, seq
    LIMIT :limit * 16
) AS head
WHERE seq % (SELECT least(greatest(count(*), 1), 16) FROM living)
    = (SELECT count(*) % 16 FROM living WHERE id < :scheduler)
ORDER BY next_run, seq
LIMIT :limit;
