-- Take the suspect that waits longest in some queues, or in all: it is to run alone.
UPDATE jobs
SET state = 'running', worker = :worker, started_at = :now, attempt = attempt + 1
WHERE seq = (
    SELECT seq FROM jobs INDEXED BY jobs_suspects
    WHERE state = 'ready' AND suspect = 1
        AND (:queues IS NULL OR queue IN (SELECT value FROM json_each(:queues)))
        AND (:ready_by IS NULL OR run_at <= :ready_by)
        AND queue NOT IN (SELECT queue FROM paused_queues)
        AND (:excluding IS NULL OR task NOT IN (SELECT value FROM json_each(:excluding)))
    ORDER BY run_at, seq
    LIMIT 1
)
AND EXISTS (SELECT 1 FROM workers WHERE id = :worker AND boot = :boot AND lease_until > :monotonic)
RETURNING
    seq, id, task, arguments, queue, priority, run_at, created_at, attempt, errors, crashes, max_crashes, defers,
    suspect, key, schedule_id, schedule_name, scheduled_for, options, metadata, flow, context;
