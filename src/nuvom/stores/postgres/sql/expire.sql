-- Those of some jobs that nobody else has and that did not start give up.
UPDATE nuvom.jobs SET state = 'expired', finished_at = $2, waits_for = NULL
WHERE seq = ANY (ARRAY(
    SELECT seq FROM nuvom.jobs
    WHERE seq = ANY ($1::bigint[]) AND attempt = 0 AND finished_at IS NULL AND expires_at <= $2
    ORDER BY seq
    FOR NO KEY UPDATE SKIP LOCKED
))
RETURNING id, key, flow;
