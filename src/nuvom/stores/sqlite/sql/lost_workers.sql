-- Who holds running jobs without a live row: one index seek for each process that runs anything.
WITH RECURSIVE holders (worker) AS (
    SELECT (SELECT worker FROM jobs INDEXED BY jobs_running WHERE state = 'running' ORDER BY worker LIMIT 1)
    UNION ALL
    SELECT (
        SELECT worker FROM jobs INDEXED BY jobs_running
        WHERE state = 'running' AND worker > holders.worker ORDER BY worker LIMIT 1
    )
    FROM holders
    WHERE holders.worker IS NOT NULL
)
SELECT worker FROM holders
WHERE worker IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM workers WHERE id = worker AND boot = :boot AND lease_until > :monotonic);
