-- Take the head of each priority present in some queues, the oldest of them first, so that none starves.
WITH RECURSIVE present (queue, priority) AS (
    SELECT
        wanted.value,
        (
            SELECT priority FROM jobs INDEXED BY jobs_claim
            WHERE queue = wanted.value AND state = 'ready' AND suspect = 0
            ORDER BY priority DESC LIMIT 1
        )
    FROM json_each(:queues) AS wanted
    UNION
    SELECT
        present.queue,
        (
            SELECT priority FROM jobs INDEXED BY jobs_claim
            WHERE queue = present.queue AND state = 'ready' AND suspect = 0 AND priority < present.priority
            ORDER BY priority DESC LIMIT 1
        )
    FROM present
    WHERE present.priority IS NOT NULL
)
UPDATE jobs
SET state = 'running', worker = :worker, started_at = :now, attempt = attempt + 1
WHERE seq IN (
    SELECT head.seq
    FROM present
    CROSS JOIN jobs AS head ON head.seq = (
        SELECT seq FROM jobs INDEXED BY jobs_claim
        WHERE queue = present.queue AND priority = present.priority AND state = 'ready' AND suspect = 0
            AND (expires_at IS NULL OR expires_at > :now OR attempt > 0)
            AND (:ready_by IS NULL OR run_at <= :ready_by)
            AND (:excluding IS NULL OR task NOT IN (SELECT value FROM json_each(:excluding)))
        ORDER BY run_at, seq LIMIT 1
    )
    WHERE present.priority IS NOT NULL
    ORDER BY head.run_at, head.seq
    LIMIT :limit
)
AND EXISTS (SELECT 1 FROM workers WHERE id = :worker AND boot = :boot AND lease_until > :monotonic)
RETURNING
    seq, id, task, arguments, queue, priority, run_at, created_at, attempt, errors, crashes, max_crashes, defers,
    suspect, key, schedule_id, schedule_name, scheduled_for, options, metadata, flow, context;
