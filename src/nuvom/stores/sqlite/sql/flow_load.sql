-- How many jobs of a flow may start at once, and how many run.
SELECT
    (SELECT count(*) FROM jobs INDEXED BY jobs_flow WHERE flow = ?1 AND finished_at IS NULL AND state = 'ready'),
    (SELECT count(*) FROM jobs INDEXED BY jobs_flow WHERE flow = ?1 AND finished_at IS NULL AND state = 'running');
