-- A schedule's jobs, newest first, by the order of jobs_schedule.
SELECT
    id, task, arguments, queue, priority, state, run_at, created_at, started_at, finished_at, attempt, errors, retries,
    crashes, max_crashes, defers, suspect, worker, key, schedule_id, schedule_name, scheduled_for, value, error, options,
    metadata, waits_for, flow, cancel_at, progress, expires_at, context
FROM nuvom.jobs
WHERE schedule_id = :schedule_id::uuid AND seq < :before
    AND (:states::text[] IS NULL OR state = ANY (:states))
    AND (:task::text IS NULL OR task = :task)
    AND (:queue::text IS NULL OR queue = :queue)
ORDER BY schedule_id, seq DESC
LIMIT :limit;
