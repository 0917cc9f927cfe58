-- Delayed jobs whose time has come, the oldest first, of those without a flow, and wake workers; others may do the same at
-- once.
WITH quickly AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true)
),
clock AS MATERIALIZED (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now FROM quickly
),
promoted AS (
    UPDATE nuvom.jobs SET state = 'ready'
    WHERE seq = ANY (ARRAY(
        SELECT seq FROM nuvom.jobs
        WHERE state = 'delayed' AND run_at <= (SELECT now FROM clock) AND flow IS NULL
        ORDER BY run_at
        LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    ))
    RETURNING seq
)
SELECT count(*), CASE WHEN count(*) > 0 THEN pg_catalog.pg_notify(:channel, 'worker') END FROM promoted;
