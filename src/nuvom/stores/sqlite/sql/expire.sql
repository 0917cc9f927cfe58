-- Jobs that were never started in time give up, those due the longest first.
UPDATE jobs SET state = 'expired', finished_at = :now, waits_for = NULL
WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_expiring
    WHERE expires_at <= :now AND attempt = 0 AND finished_at IS NULL ORDER BY expires_at LIMIT :limit
)
RETURNING id, key, flow;
