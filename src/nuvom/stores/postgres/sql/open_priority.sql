-- Of the jobs that wait for a flow, the first of one priority may start; each priority has its turn, so that none starves.
UPDATE nuvom.jobs SET state = 'ready', waits_for = NULL
WHERE waits_for IS NOT DISTINCT FROM 'flow' AND seq = ANY (ARRAY(  -- `=` might be answered by all of jobs_held
    SELECT first.seq
    FROM unnest(:flow::text[], :turn::bigint[]) AS said (flow, turn)
    CROSS JOIN LATERAL (
        WITH RECURSIVE present (priority) AS (
            SELECT (
                SELECT priority FROM nuvom.jobs
                WHERE flow = said.flow AND waits_for = 'flow' ORDER BY priority DESC LIMIT 1
            )
            UNION ALL
            SELECT (
                SELECT priority FROM nuvom.jobs
                WHERE flow = said.flow AND waits_for = 'flow' AND priority < present.priority
                ORDER BY priority DESC LIMIT 1
            )
            FROM present
            WHERE present.priority IS NOT NULL
        )
        SELECT seq FROM nuvom.jobs
        WHERE flow = said.flow AND waits_for = 'flow' AND priority = (
            SELECT priority FROM present WHERE priority IS NOT NULL
            ORDER BY priority
            OFFSET said.turn % (SELECT greatest(1, pg_catalog.count(priority)) FROM present) LIMIT 1
        )
        ORDER BY run_at, seq LIMIT 1
    ) AS first
))
RETURNING flow;
