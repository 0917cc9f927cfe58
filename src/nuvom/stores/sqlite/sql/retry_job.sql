-- A final job begins anew, behind the holder of its key if there is one, and waits for its flow; attempts go on counting.
UPDATE jobs
SET state = CASE
        WHEN key IS NOT NULL AND EXISTS (
            SELECT 1 FROM jobs AS open INDEXED BY jobs_key WHERE open.key = jobs.key AND open.finished_at IS NULL
        ) THEN 'held'
        WHEN flow IS NOT NULL THEN 'held'
        ELSE 'ready'
    END,
    waits_for = CASE
        WHEN key IS NOT NULL AND EXISTS (
            SELECT 1 FROM jobs AS open INDEXED BY jobs_key WHERE open.key = jobs.key AND open.finished_at IS NULL
        ) THEN 'key'
        WHEN flow IS NOT NULL THEN 'flow'
    END,
    run_at = :now, started_at = NULL, finished_at = NULL, errors = 0, retries = NULL, crashes = 0, suspect = 0,
    value = NULL, error = NULL, expires_at = NULL, cancel_at = NULL, progress = NULL
WHERE id = :id AND finished_at IS NOT NULL
RETURNING flow, task;
