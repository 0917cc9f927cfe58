-- Forget a flow of which no job is open.
DELETE FROM flows
WHERE flow = ?1 AND NOT EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_flow WHERE flow = ?1 AND finished_at IS NULL);
