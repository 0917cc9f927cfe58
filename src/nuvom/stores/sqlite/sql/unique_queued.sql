-- A job of a kind that waits.
SELECT id FROM jobs INDEXED BY jobs_unique
WHERE unique_key = ?1 AND (finished_at IS NULL) = 1 AND state <> 'running' AND id <> ?2 LIMIT 1;
