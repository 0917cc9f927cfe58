-- Whether a job has to give up.
SELECT 1 FROM jobs INDEXED BY jobs_expiring
WHERE expires_at <= :now AND attempt = 0 AND finished_at IS NULL LIMIT 1;
