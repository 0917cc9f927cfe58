-- Rows of processes that are long dead and hold nothing.
DELETE FROM workers
WHERE beat_at < :before AND NOT (boot = :boot AND lease_until > :monotonic)
    AND NOT EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_running WHERE worker = workers.id AND state = 'running');
