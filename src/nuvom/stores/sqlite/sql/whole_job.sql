-- All that is kept of a job, and whether somebody has yet to be told of its failure.
SELECT
    id, task, queue, priority, run_at, state, arguments, attempt, errors, retries, crashes, max_crashes, defers,
    suspect, key, created_at, started_at, finished_at, schedule_id, schedule_name, scheduled_for, value, error,
    options, metadata, expires_at, backfill, waits_for, flow, unique_key, unique_until, cancel_at, progress, context,
    EXISTS (SELECT 1 FROM untold WHERE untold.job = jobs.seq)
FROM jobs
WHERE id = ?1;
