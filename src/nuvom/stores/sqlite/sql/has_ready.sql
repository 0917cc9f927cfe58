-- Whether a claim of some queues would find a job; suspects are looked for by has_suspects.sql.
SELECT 1
FROM json_each(:queues) AS wanted
WHERE EXISTS (
    SELECT 1 FROM jobs INDEXED BY jobs_claim
    WHERE queue = wanted.value AND state = 'ready' AND suspect = 0
        AND (:ready_by IS NULL OR run_at <= :ready_by)
        AND (:excluding IS NULL OR task NOT IN (SELECT value FROM json_each(:excluding)))
)
LIMIT 1;
