-- The best jobs that wait for some flows may start, in each as many as there is room for; and what was counted of a flow
-- is kept, with the time when it opens by itself if all its room is used and others still wait.
WITH said AS MATERIALIZED (
    SELECT *
    FROM unnest(
        :flow::text[], :room::bigint[], :fair::bigint[], :started::boolean[], :starts::text[], :opens_at::bigint[],
        :now::bigint[]
    ) AS each (flow, room, fair, started, starts, opens_at, now)
),
opened AS (
    UPDATE nuvom.jobs SET state = 'ready', waits_for = NULL
    WHERE waits_for IS NOT DISTINCT FROM 'flow' AND seq = ANY (ARRAY(  -- `=` might be answered by all of jobs_held
        SELECT best.seq
        FROM said
        CROSS JOIN LATERAL (
            SELECT seq FROM nuvom.jobs
            WHERE flow = said.flow AND waits_for = 'flow'
            ORDER BY priority DESC, run_at, seq
            LIMIT said.room
        ) AS best
    ))
    RETURNING flow
),
counted AS MATERIALIZED (
    SELECT
        said.flow, said.started, said.starts, said.now,
        coalesce(let.number, 0) AS number, said.fair + coalesce(let.number, 0) > 0 AS let_in,
        -- As the statement found them: behind those that it lets in.
        CASE
            WHEN said.opens_at IS NOT NULL AND (
                SELECT 1 FROM nuvom.jobs WHERE flow = said.flow AND waits_for = 'flow' OFFSET said.room LIMIT 1
            ) IS NOT NULL
            THEN said.opens_at
        END AS opens_at
    FROM said
    LEFT JOIN (SELECT flow, count(*) AS number FROM opened GROUP BY flow) AS let ON let.flow = said.flow
),
kept AS (
    UPDATE nuvom.flows
    SET openings = flows.openings + counted.let_in::int, starts = counted.starts, opens_at = counted.opens_at,
        shut_at = CASE WHEN counted.opens_at IS NOT NULL THEN counted.now END
    FROM counted
    WHERE flows.flow = counted.flow AND (
        counted.started OR counted.let_in OR flows.opens_at IS DISTINCT FROM counted.opens_at
        OR (counted.opens_at IS NOT NULL AND flows.shut_at IS DISTINCT FROM counted.now)
    )
)
SELECT flow, number FROM counted;
