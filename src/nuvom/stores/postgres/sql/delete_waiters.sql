-- He woke, or gave up.
WITH quickly AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true) AS said
)
DELETE FROM nuvom.waiters USING quickly
WHERE waiters.ear = :ear AND waiters.job_id = ANY (:ids::uuid[]) AND quickly.said IS NOT NULL;
