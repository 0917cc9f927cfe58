-- The oldest job that each of some keys holds back goes on, if nobody of that key is loose; what waits for a flow only is.
-- Asked key by key, and not by NOT EXISTS, which a plan may answer by reading the open jobs of all keys.
UPDATE nuvom.jobs
SET state = CASE WHEN run_at > $2 THEN 'delayed' WHEN flow IS NOT NULL THEN 'held' ELSE 'ready' END,
    waits_for = CASE WHEN run_at <= $2 AND flow IS NOT NULL THEN 'flow' END
WHERE state = 'held' AND waits_for = 'key' AND seq = ANY (ARRAY(
    SELECT (
        SELECT seq FROM nuvom.jobs
        WHERE key = left_key AND finished_at IS NULL AND state = 'held' AND waits_for = 'key'
        ORDER BY seq LIMIT 1
    )
    FROM pg_catalog.unnest($1::text[]) AS left_key
    WHERE (
        SELECT 1 FROM nuvom.jobs
        WHERE key = left_key AND finished_at IS NULL AND state = ANY ('{ready,delayed,running}') LIMIT 1
    ) IS NULL
    AND (
        SELECT 1 FROM nuvom.jobs
        WHERE key = left_key AND finished_at IS NULL AND state = 'held' AND waits_for = 'flow' LIMIT 1
    ) IS NULL
))
RETURNING flow;
