-- The processes with a row, live ones first.
WITH clock AS MATERIALIZED (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now
)
SELECT
    id, kind, host, pid, version, queues, tasks, address, started_at, beat_at,
    (SELECT count(*) FROM nuvom.jobs WHERE worker = workers.id AND state = 'running'),
    lease_until > clock.now AS alive
FROM nuvom.workers CROSS JOIN clock
ORDER BY alive DESC, started_at, id;
