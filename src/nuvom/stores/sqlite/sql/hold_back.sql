-- The worst jobs of a flow that might start must wait again, because its limit was lowered.
UPDATE jobs SET state = 'held', waits_for = 'flow'
WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_flow
    WHERE flow = ?1 AND finished_at IS NULL AND state = 'ready' ORDER BY priority, run_at DESC, seq DESC LIMIT ?2
);
