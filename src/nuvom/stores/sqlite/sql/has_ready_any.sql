-- Whether a claim of all queues would find a job.
SELECT 1 FROM jobs INDEXED BY jobs_claim
WHERE state = 'ready' AND suspect = 0
    AND (:ready_by IS NULL OR run_at <= :ready_by)
    AND (:excluding IS NULL OR task NOT IN (SELECT value FROM json_each(:excluding)))
LIMIT 1;
