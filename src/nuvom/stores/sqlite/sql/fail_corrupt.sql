-- A row that does not decode ends here, so that the rest goes on.
UPDATE jobs SET state = 'failed', worker = NULL, finished_at = ?1, suspect = 0, error = ?2 WHERE seq = ?3;
