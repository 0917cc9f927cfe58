-- Free of charge: not started, or stopped in an orderly way; their rows are held.
UPDATE nuvom.jobs
SET state = CASE WHEN flow IS NULL THEN 'ready' ELSE 'held' END,
    waits_for = CASE WHEN flow IS NULL THEN NULL ELSE 'flow' END,
    worker = NULL
WHERE seq = ANY (:seq::bigint[]);
