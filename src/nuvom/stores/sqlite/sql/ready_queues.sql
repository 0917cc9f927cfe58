-- The queues that have ready jobs: one index seek each, however many jobs there are.
WITH RECURSIVE present (queue) AS (
    SELECT (SELECT queue FROM jobs INDEXED BY jobs_claim WHERE state = 'ready' AND suspect = 0 ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (
        SELECT queue FROM jobs INDEXED BY jobs_claim
        WHERE state = 'ready' AND suspect = 0 AND queue > present.queue
        ORDER BY queue LIMIT 1
    )
    FROM present
    WHERE present.queue IS NOT NULL
)
SELECT queue FROM present WHERE queue IS NOT NULL;
