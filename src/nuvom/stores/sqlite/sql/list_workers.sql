-- The processes with a row, live ones first.
SELECT
    id, kind, host, pid, version, queues, tasks, port, started_at, beat_at,
    (SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE worker = workers.id AND state = 'running'),
    boot = :boot AND lease_until > :monotonic AS alive
FROM workers
ORDER BY alive DESC, started_at, id;
