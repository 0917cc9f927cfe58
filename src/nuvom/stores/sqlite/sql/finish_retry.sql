-- An attempt reported an error and is to be tried again.
UPDATE jobs
SET state = 'delayed', worker = NULL, run_at = ?1, suspect = 0, error = ?2, errors = errors + 1,
    retries = max(?3, errors)
WHERE seq = ?4 AND attempt = ?5 AND worker = ?6;
