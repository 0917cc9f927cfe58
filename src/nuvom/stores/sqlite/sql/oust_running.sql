-- The jobs of a key that run are asked to stop for one that comes.
UPDATE jobs SET cancel_at = coalesce(cancel_at, ?2)
WHERE seq IN (SELECT seq FROM jobs INDEXED BY jobs_key WHERE key = ?1 AND finished_at IS NULL AND state = 'running');
