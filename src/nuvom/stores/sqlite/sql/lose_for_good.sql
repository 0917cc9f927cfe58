-- A loss too many.
UPDATE jobs SET state = 'failed', worker = NULL, finished_at = ?1, suspect = 0, crashes = ?2, error = ?3
WHERE seq = ?4;
