-- A suspect ran alone and was lost: it pays, and may be run again.
UPDATE jobs
SET state = iif(flow IS NULL, 'ready', 'held'), waits_for = iif(flow IS NULL, NULL, 'flow'), worker = NULL,
    crashes = ?1, error = ?2
WHERE seq = ?3;
