-- What an orderly process still held may run again, free of charge.
UPDATE jobs INDEXED BY jobs_running
SET state = iif(flow IS NULL, 'ready', 'held'), waits_for = iif(flow IS NULL, NULL, 'flow'), worker = NULL
WHERE worker = ?1 AND state = 'running'
RETURNING flow;
