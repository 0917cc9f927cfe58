-- The newest job of a kind that was pushed after a moment, whatever became of it.
SELECT id FROM jobs INDEXED BY jobs_unique
WHERE unique_key = ?1 AND (finished_at IS NULL) IN (0, 1) AND created_at > ?3 AND id <> ?2
ORDER BY created_at DESC LIMIT 1;
