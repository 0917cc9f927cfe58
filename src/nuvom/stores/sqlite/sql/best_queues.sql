-- Where there are more queues than jobs wanted: only those with the best heads can hold one of the best jobs.
SELECT wanted.value
FROM json_each(:queues) AS wanted
CROSS JOIN jobs AS head ON head.seq = (
    SELECT seq FROM jobs INDEXED BY jobs_claim
    WHERE queue = wanted.value AND state = 'ready' AND suspect = 0
        AND (expires_at IS NULL OR expires_at > :now OR attempt > 0)
        AND (:ready_by IS NULL OR run_at <= :ready_by)
        AND (:excluding IS NULL OR task NOT IN (SELECT value FROM json_each(:excluding)))
    ORDER BY priority DESC, run_at, seq LIMIT 1
)
ORDER BY head.priority DESC, head.run_at, head.seq
LIMIT :limit;
