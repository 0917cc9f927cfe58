-- Running jobs, newest first: few among millions.
WITH running AS MATERIALIZED (
    SELECT seq FROM nuvom.jobs
    WHERE state = 'running' AND seq < :before
        AND (:task::text IS NULL OR task = :task)
        AND (:queue::text IS NULL OR queue = :queue)
)
SELECT
    id, task, arguments, queue, priority, state, run_at, created_at, started_at, finished_at, attempt, errors, retries,
    crashes, max_crashes, defers, suspect, worker, key, schedule_id, schedule_name, scheduled_for, value, error, options,
    metadata, waits_for, flow, cancel_at, progress, expires_at, context
FROM nuvom.jobs
WHERE seq = ANY (ARRAY(SELECT seq FROM running ORDER BY seq DESC LIMIT :limit))
ORDER BY seq DESC;
