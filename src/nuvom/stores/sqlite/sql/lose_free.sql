-- The first loss is free: a neighbour may have brought the process down.
UPDATE jobs
SET state = iif(flow IS NULL, 'ready', 'held'), waits_for = iif(flow IS NULL, NULL, 'flow'), worker = NULL, suspect = 1
WHERE seq = ?1;
