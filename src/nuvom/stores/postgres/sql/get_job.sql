-- One job.
SELECT
    id, task, arguments, queue, priority, state, run_at, created_at, started_at, finished_at, attempt, errors, retries,
    crashes, max_crashes, defers, suspect, worker, key, schedule_id, schedule_name, scheduled_for, value, error, options,
    metadata, waits_for, flow, cancel_at, progress, expires_at, context
FROM nuvom.jobs
WHERE id = $1::uuid;
