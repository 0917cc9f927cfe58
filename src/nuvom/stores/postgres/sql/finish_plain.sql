-- Record that attempts succeeded which hold neither a key nor a place in a flow, count them, and wake who waits for them;
-- only their holder may say so. Which were accepted is returned where that is not all.
-- The worker is hidden from the planner, whose statistics know few workers or none: it might read the whole table.
WITH quickly AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true)
),
clock AS MATERIALIZED (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now FROM quickly
),
ended AS (
    UPDATE nuvom.jobs
    SET state = 'succeeded', worker = NULL, finished_at = clock.now, suspect = false,
        value = said.value::json, error = said.error::json
    FROM clock
    CROSS JOIN unnest(:ref::bigint[], :attempt::bigint[], :value::text[], :error::text[])
        AS said (ref, attempt, value, error)
    WHERE jobs.seq = said.ref AND jobs.attempt = said.attempt AND jobs.worker || '' = :worker
    RETURNING jobs.seq, jobs.id, jobs.queue
),
counted AS (
    INSERT INTO nuvom.throughput (since, queue, lane, succeeded, failed)
    SELECT clock.now - clock.now % 10000000, ended.queue, pg_catalog.pg_backend_pid() % 8, count(*), 0
    FROM ended CROSS JOIN clock
    GROUP BY clock.now, ended.queue
    ORDER BY ended.queue  -- so that no two who add to the same rows wait for each other
    ON CONFLICT (since, queue, lane) DO UPDATE SET succeeded = throughput.succeeded + excluded.succeeded
),
told AS MATERIALIZED (
    SELECT pg_catalog.pg_notify(:channel, ears.ear)
    FROM (SELECT DISTINCT waiters.ear FROM ended JOIN nuvom.waiters ON waiters.job_id = ended.id) AS ears
)
SELECT CASE WHEN count(*) < :wanted THEN coalesce(pg_catalog.array_agg(seq), '{}') END, (SELECT count(*) FROM told)
FROM ended;
