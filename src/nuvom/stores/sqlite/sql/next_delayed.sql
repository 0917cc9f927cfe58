-- When the next delayed job is due, and when the next one gives up.
SELECT
    (SELECT min(run_at) FROM jobs INDEXED BY jobs_delayed WHERE state = 'delayed'),
    (SELECT min(expires_at) FROM jobs INDEXED BY jobs_expiring
     WHERE expires_at IS NOT NULL AND attempt = 0 AND finished_at IS NULL);
