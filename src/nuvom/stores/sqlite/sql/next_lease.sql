-- When the earliest lease ends, of those that live or still hold jobs; processes are few.
SELECT min(CASE WHEN boot = :boot THEN lease_until ELSE 0 END) FROM workers
WHERE (boot = :boot AND lease_until > :monotonic)
    OR EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_running WHERE worker = workers.id AND state = 'running');
