-- A job that was asked to stop and does not run any more goes on no further; who holds its row ends it, too.
UPDATE nuvom.jobs SET state = 'cancelled', finished_at = $1, waits_for = NULL
WHERE seq = ANY (ARRAY(
    SELECT seq FROM nuvom.jobs
    WHERE worker IS NULL AND cancel_at IS NOT NULL AND finished_at IS NULL AND state <> 'running'
    ORDER BY seq
    FOR NO KEY UPDATE SKIP LOCKED
))
RETURNING id, key, flow;
