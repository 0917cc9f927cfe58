-- Those of some delayed jobs that nobody else has may run; those of a flow wait for it.
UPDATE nuvom.jobs
SET state = CASE WHEN flow IS NULL THEN 'ready' ELSE 'held' END, waits_for = CASE WHEN flow IS NOT NULL THEN 'flow' END
WHERE seq = ANY (ARRAY(
    SELECT seq FROM nuvom.jobs
    WHERE seq = ANY ($1::bigint[]) AND state IS NOT DISTINCT FROM 'delayed' AND run_at <= $2  -- `=`: all of jobs_delayed
    ORDER BY seq
    FOR NO KEY UPDATE SKIP LOCKED
))
RETURNING flow;
