-- Whether a job waits for a flow.
SELECT 1 FROM jobs INDEXED BY jobs_held WHERE flow = ?1 AND waits_for = 'flow' LIMIT 1;
