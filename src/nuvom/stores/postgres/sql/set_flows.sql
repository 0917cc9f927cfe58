-- Keep what was counted of flows, and when those for which jobs still wait open by themselves.
UPDATE nuvom.flows
SET openings = said.openings::integer, starts = said.starts, opens_at = said.opens_at,
    shut_at = CASE WHEN said.opens_at IS NOT NULL THEN said.now END
FROM (
    SELECT
        flow, openings, starts, now,
        CASE
            WHEN (SELECT 1 FROM nuvom.jobs WHERE jobs.flow = kept.flow AND waits_for = 'flow' LIMIT 1) IS NOT NULL
            THEN opens_at
        END AS opens_at
    FROM unnest(:flow::text[], :openings::bigint[], :starts::text[], :opens_at::bigint[], :now::bigint[])
        AS kept (flow, openings, starts, opens_at, now)
) AS said
WHERE flows.flow = said.flow;
