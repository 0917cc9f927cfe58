-- Delayed jobs whose time has come, the oldest first; those of a flow wait for it.
UPDATE jobs SET state = iif(flow IS NULL, 'ready', 'held'), waits_for = iif(flow IS NULL, NULL, 'flow')
WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_delayed
    WHERE state = 'delayed' AND run_at <= :now ORDER BY run_at LIMIT :limit
)
RETURNING flow;
