-- How far running jobs say they are; only their holder may say so.
WITH quickly AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true)
)
UPDATE nuvom.jobs SET progress = said.progress::json
FROM quickly
CROSS JOIN unnest(:ref::bigint[], :attempt::bigint[], :progress::text[]) AS said (ref, attempt, progress)
WHERE jobs.seq = said.ref AND jobs.attempt = said.attempt AND jobs.worker = :worker;
