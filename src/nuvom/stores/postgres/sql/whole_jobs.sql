-- All that is kept of some jobs, and whether somebody has yet to be told of their failure.
SELECT
    id, task, queue, priority, run_at, state, arguments, attempt, errors, retries, crashes, max_crashes, defers,
    suspect, key, created_at, started_at, finished_at, schedule_id, schedule_name, scheduled_for, value, error,
    options, metadata, expires_at, backfill, waits_for, flow, unique_key, unique_until, cancel_at, progress, context,
    EXISTS (SELECT 1 FROM nuvom.untold WHERE untold.job = jobs.seq), seq
FROM nuvom.jobs
WHERE id = ANY ($1::uuid[]);
