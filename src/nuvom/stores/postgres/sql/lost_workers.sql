-- Who holds running jobs without a live row: one index seek for each process that runs anything; and whether any row is
-- so old that forget_workers.sql or delete_stale_waiters.sql may find something.
WITH RECURSIVE clock AS MATERIALIZED (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now
),
holders (worker) AS (
    (SELECT worker FROM nuvom.jobs WHERE state = 'running' ORDER BY worker LIMIT 1)
    UNION ALL
    SELECT (
        SELECT worker FROM nuvom.jobs
        WHERE state = 'running' AND worker > holders.worker
        ORDER BY worker LIMIT 1
    )
    FROM holders
    WHERE holders.worker IS NOT NULL
)
SELECT
    (
        SELECT pg_catalog.array_agg(worker) FROM holders
        WHERE worker IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM nuvom.workers WHERE id = worker AND lease_until > clock.now)
    ),
    EXISTS (SELECT 1 FROM nuvom.workers WHERE beat_at < clock.now - :remembered AND lease_until <= clock.now)
    OR EXISTS (SELECT 1 FROM nuvom.waiters WHERE until < clock.now)
FROM clock;
