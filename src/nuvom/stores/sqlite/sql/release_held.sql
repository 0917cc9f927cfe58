-- The oldest job that a key holds back goes on, if nobody of that key is loose; what waits for a flow only is.
UPDATE jobs
SET state = CASE WHEN run_at > :now THEN 'delayed' WHEN flow IS NOT NULL THEN 'held' ELSE 'ready' END,
    waits_for = CASE WHEN run_at <= :now AND flow IS NOT NULL THEN 'flow' END
WHERE seq = (
    SELECT seq FROM jobs INDEXED BY jobs_key
    WHERE key = :key AND finished_at IS NULL AND state = 'held' AND waits_for = 'key' ORDER BY seq LIMIT 1
)
AND NOT EXISTS (
    SELECT 1 FROM jobs INDEXED BY jobs_key
    WHERE key = :key AND finished_at IS NULL AND state IN ('ready', 'delayed', 'running', 'held') AND waits_for IS NOT 'key'
)
RETURNING flow;
