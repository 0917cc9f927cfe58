-- Take the head of each priority present in some queues, or in all, the oldest of them first, so that none starves.
-- They are looked at without a lock, one seek each; of those that nobody else has locked by then the oldest are taken.
WITH RECURSIVE quickly AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true)
),
clock AS MATERIALIZED (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000)::bigint) AS now FROM quickly
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
ranked (queue, priority) AS (
    SELECT
        served.queue,
        (
            SELECT priority FROM nuvom.jobs
            WHERE queue = served.queue AND state = 'ready' AND NOT suspect
            ORDER BY priority DESC LIMIT 1
        )
    FROM served
    UNION ALL
    SELECT
        ranked.queue,
        (
            SELECT priority FROM nuvom.jobs
            WHERE queue = ranked.queue AND state = 'ready' AND NOT suspect AND priority < ranked.priority
            ORDER BY priority DESC LIMIT 1
        )
    FROM ranked
    WHERE ranked.priority IS NOT NULL
),
seen AS MATERIALIZED (
    SELECT head.seq
    FROM ranked
    CROSS JOIN LATERAL (
        SELECT seq, run_at FROM nuvom.jobs
        WHERE queue = ranked.queue AND priority = ranked.priority AND state = 'ready' AND NOT suspect
            AND (expires_at IS NULL OR expires_at > (SELECT now FROM clock) OR attempt > 0)
            AND (:ready_by::bigint IS NULL OR run_at <= :ready_by)
            AND (:excluding::text[] IS NULL OR task <> ALL (:excluding))
        ORDER BY run_at, seq
        LIMIT 1
    ) AS head
    ORDER BY head.run_at, head.seq
    LIMIT :limit * 2
),
best AS MATERIALIZED (
    SELECT seq FROM nuvom.jobs
    WHERE seq = ANY (ARRAY(SELECT seq FROM seen)) AND state = 'ready' AND NOT suspect
    ORDER BY run_at, seq
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
