-- Take the best ready jobs of one queue for a worker that lives: claim.sql without what several queues need.
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
        AND NOT EXISTS (SELECT 1 FROM nuvom.paused_queues WHERE queue = :queue)
    FOR KEY SHARE
),
best AS MATERIALIZED (
    SELECT seq FROM nuvom.jobs
    WHERE queue = :queue AND state = 'ready' AND NOT suspect
        AND (expires_at IS NULL OR expires_at > (SELECT now FROM clock) OR attempt > 0)
        AND (:ready_by::bigint IS NULL OR run_at <= :ready_by)
        AND (:excluding::text[] IS NULL OR task <> ALL (:excluding))
        AND EXISTS (SELECT 1 FROM living)
    ORDER BY priority DESC, run_at, seq
    LIMIT :limit
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE nuvom.jobs
SET state = 'running', worker = :worker, started_at = clock.now, attempt = attempt + 1
FROM clock
WHERE seq = ANY (ARRAY(SELECT seq FROM best))
RETURNING
    seq, id, task, arguments, queue, priority, run_at, created_at, attempt, errors, crashes, max_crashes, defers,
    suspect, key, schedule_id, schedule_name, scheduled_for, options, metadata, flow, context, started_at;
