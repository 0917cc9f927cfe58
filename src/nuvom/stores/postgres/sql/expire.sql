-- Those of some jobs that nobody else has and that did not start give up; `attempt = 0` might be answered by all of
-- jobs_expiring.
UPDATE nuvom.jobs SET state = 'expired', finished_at = $2, waits_for = NULL
WHERE seq = ANY (ARRAY(
    SELECT seq FROM nuvom.jobs
    WHERE seq = ANY ($1::bigint[]) AND attempt IS NOT DISTINCT FROM 0 AND finished_at IS NULL AND expires_at <= $2
    ORDER BY seq
    FOR NO KEY UPDATE SKIP LOCKED
))
RETURNING id, key, flow;
