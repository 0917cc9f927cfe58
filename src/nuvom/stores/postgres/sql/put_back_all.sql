-- What an orderly process still held may run again, free of charge.
UPDATE nuvom.jobs
SET state = CASE WHEN flow IS NULL THEN 'ready' ELSE 'held' END,
    waits_for = CASE WHEN flow IS NULL THEN NULL ELSE 'flow' END,
    worker = NULL
WHERE worker = $1 AND state = 'running'
RETURNING flow;
