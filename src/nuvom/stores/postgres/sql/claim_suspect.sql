-- Take the suspect that waits longest in some queues, or in all: it is to run alone.
WITH quickly AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true)
),
clock AS MATERIALIZED (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now FROM quickly
),
living AS MATERIALIZED (
    SELECT id FROM nuvom.workers
    WHERE id = :worker AND lease_until > (SELECT now FROM clock)
        AND NOT (:alone AND EXISTS (SELECT 1 FROM nuvom.flows))
    FOR KEY SHARE
),
best AS MATERIALIZED (
    SELECT seq FROM nuvom.jobs
    WHERE state = 'ready' AND suspect
        AND (:queues::text[] IS NULL OR queue = ANY (:queues))
        AND (:ready_by::bigint IS NULL OR run_at <= :ready_by)
        AND queue NOT IN (SELECT queue FROM nuvom.paused_queues)
        AND (:excluding::text[] IS NULL OR task <> ALL (:excluding))
        AND EXISTS (SELECT 1 FROM living)
    ORDER BY run_at, seq
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE nuvom.jobs
SET state = 'running', worker = :worker, started_at = clock.now, attempt = attempt + 1
FROM clock
WHERE seq = ANY (ARRAY(SELECT seq FROM best))
RETURNING
    seq, id, task, arguments, queue, priority, run_at, created_at, attempt, errors, crashes, max_crashes, defers,
    suspect, key, schedule_id, schedule_name, scheduled_for, options, metadata, flow, context, started_at;
