-- Take the best ready jobs of some queues, or of all, for a worker that lives; their order is the caller's to restore.
-- Per queue the head of jobs_claim, so that the plan is the same for any number of queues and whatever ANALYZE found.
-- Of a few queues the heads are locked as they are found. Of many, that would lock far more than is taken: there twice as
-- many as are wanted are looked at first, and of those that nobody else has locked the best are taken.
-- The worker's row is locked against its end: whoever ends a lease sees all that was claimed under it.
-- :alone: take nothing if there are flows, whose starts are to be counted in the same transaction.
WITH RECURSIVE quickly AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true)  -- a claim that is lost is made again
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
present (queue) AS (
    (
        SELECT queue FROM nuvom.jobs
        WHERE state = 'ready' AND NOT suspect AND :queues::text[] IS NULL
        ORDER BY queue LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT queue FROM nuvom.jobs
        WHERE state = 'ready' AND NOT suspect AND queue > present.queue
        ORDER BY queue LIMIT 1
    )
    FROM present
    WHERE present.queue IS NOT NULL
),
served AS MATERIALIZED (
    SELECT wanted.queue FROM (
        SELECT DISTINCT queue FROM pg_catalog.unnest(:queues::text[]) AS queue
        UNION ALL
        SELECT queue FROM present WHERE queue IS NOT NULL
    ) AS wanted
    WHERE NOT EXISTS (SELECT 1 FROM nuvom.paused_queues WHERE paused_queues.queue = wanted.queue)
        AND EXISTS (SELECT 1 FROM living)
),
few AS MATERIALIZED (
    SELECT count(*) <= 4 AS are_few FROM served
),
found AS MATERIALIZED (
    SELECT head.seq, head.priority, head.run_at
    FROM served
    CROSS JOIN LATERAL (
        SELECT seq, priority, run_at FROM nuvom.jobs
        WHERE queue = served.queue AND state = 'ready' AND NOT suspect
            AND (expires_at IS NULL OR expires_at > (SELECT now FROM clock) OR attempt > 0)
            AND (:ready_by::bigint IS NULL OR run_at <= :ready_by)
            AND (:excluding::text[] IS NULL OR task <> ALL (:excluding))
        ORDER BY priority DESC, run_at, seq
        LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS head
    WHERE (SELECT are_few FROM few)
),
seen AS MATERIALIZED (
    SELECT head.seq
    FROM served
    CROSS JOIN LATERAL (
        SELECT seq, priority, run_at FROM nuvom.jobs
        WHERE queue = served.queue AND state = 'ready' AND NOT suspect
            AND (expires_at IS NULL OR expires_at > (SELECT now FROM clock) OR attempt > 0)
            AND (:ready_by::bigint IS NULL OR run_at <= :ready_by)
            AND (:excluding::text[] IS NULL OR task <> ALL (:excluding))
        ORDER BY priority DESC, run_at, seq
        LIMIT :limit * 2
    ) AS head
    WHERE NOT (SELECT are_few FROM few)
    ORDER BY head.priority DESC, head.run_at, head.seq
    LIMIT :limit * 2
),
chosen AS MATERIALIZED (
    SELECT seq FROM nuvom.jobs
    WHERE seq = ANY (ARRAY(SELECT seq FROM seen)) AND state = 'ready' AND NOT suspect
    ORDER BY priority DESC, run_at, seq
    LIMIT :limit
    FOR NO KEY UPDATE SKIP LOCKED
),
best AS MATERIALIZED (
    (SELECT seq FROM found ORDER BY priority DESC, run_at, seq LIMIT :limit)
    UNION ALL
    SELECT seq FROM chosen
)
UPDATE nuvom.jobs
SET state = 'running', worker = :worker, started_at = clock.now, attempt = attempt + 1
FROM clock
WHERE seq = ANY (ARRAY(SELECT seq FROM best))
RETURNING
    seq, id, task, arguments, queue, priority, run_at, created_at, attempt, errors, crashes, max_crashes, defers,
    suspect, key, schedule_id, schedule_name, scheduled_for, options, metadata, flow, context, started_at;
