-- Somebody sleeps until some jobs are final; the rows are bounded in case he never wakes.
WITH quickly AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true)
),
clock AS MATERIALIZED (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now FROM quickly
)
INSERT INTO nuvom.waiters (job_id, ear, until)
SELECT asked.id, :ear, clock.now + :period::bigint
FROM clock CROSS JOIN pg_catalog.unnest(:ids::uuid[]) AS asked (id)
ON CONFLICT (job_id, ear) DO UPDATE SET until = excluded.until;
