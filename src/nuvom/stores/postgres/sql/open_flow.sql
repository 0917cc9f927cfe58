-- The best jobs that wait for some flows may start, in each as many as there is room for.
WITH opened AS (
    UPDATE nuvom.jobs SET state = 'ready', waits_for = NULL
    WHERE waits_for = 'flow' AND seq = ANY (ARRAY(
        SELECT best.seq
        FROM unnest(:flow::text[], :room::bigint[]) AS said (flow, room)
        CROSS JOIN LATERAL (
            SELECT seq FROM nuvom.jobs
            WHERE flow = said.flow AND waits_for = 'flow'
            ORDER BY priority DESC, run_at, seq
            LIMIT said.room
        ) AS best
    ))
    RETURNING flow
)
SELECT flow, count(*) FROM opened GROUP BY flow;
