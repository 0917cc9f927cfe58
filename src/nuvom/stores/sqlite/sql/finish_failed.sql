-- An attempt failed for good. A deploy may have lowered retries below the errors there are already.
UPDATE jobs
SET state = 'failed', worker = NULL, finished_at = ?1, suspect = 0, error = ?2, errors = errors + ?3,
    retries = max(?4, errors)
WHERE seq = ?5 AND attempt = ?6 AND worker = ?7;
