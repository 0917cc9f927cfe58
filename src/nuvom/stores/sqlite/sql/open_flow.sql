-- The best jobs that wait for a flow may start.
UPDATE jobs SET state = 'ready', waits_for = NULL
WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_held
    WHERE flow = ?1 AND waits_for = 'flow' ORDER BY priority DESC, run_at, seq LIMIT ?2
);
