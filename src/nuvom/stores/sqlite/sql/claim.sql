-- Take the best ready jobs of some queues for a worker that lives; their order is the caller's to restore.
-- Per queue the head of jobs_claim, so that the plan is the same for any number of queues and whatever ANALYZE found.
UPDATE jobs
SET state = 'running', worker = :worker, started_at = :now, attempt = attempt + 1
WHERE seq IN (
    SELECT best.seq
    FROM json_each(:queues) AS wanted
    CROSS JOIN jobs AS best ON best.seq IN (
        SELECT seq FROM jobs INDEXED BY jobs_claim
        WHERE queue = wanted.value AND state = 'ready' AND suspect = 0
            AND (expires_at IS NULL OR expires_at > :now OR attempt > 0)
            AND (:ready_by IS NULL OR run_at <= :ready_by)
            AND (:excluding IS NULL OR task NOT IN (SELECT value FROM json_each(:excluding)))
        ORDER BY priority DESC, run_at, seq
        LIMIT :limit
    )
    ORDER BY best.priority DESC, best.run_at, best.seq
    LIMIT :limit
)
AND EXISTS (SELECT 1 FROM workers WHERE id = :worker AND boot = :boot AND lease_until > :monotonic)
RETURNING
    seq, id, task, arguments, queue, priority, run_at, created_at, attempt, errors, crashes, max_crashes, defers,
    suspect, key, schedule_id, schedule_name, scheduled_for, options, metadata, flow, context;
