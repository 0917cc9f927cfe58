-- Delayed jobs whose time has come, the oldest first.
UPDATE jobs SET state = 'ready'
WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_delayed
    WHERE state = 'delayed' AND run_at <= :now ORDER BY run_at LIMIT :limit
);
