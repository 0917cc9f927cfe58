-- What a worker holds of a claim whose answer did not reach it may run again, free of charge.
UPDATE nuvom.jobs
SET state = CASE WHEN flow IS NULL THEN 'ready' ELSE 'held' END, waits_for = CASE WHEN flow IS NULL THEN NULL ELSE 'flow' END,
    worker = NULL
WHERE worker = $1 AND state = 'running' AND started_at > $2
RETURNING flow;
