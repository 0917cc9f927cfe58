-- The worst jobs of flows that might start must wait again, because a limit was lowered.
UPDATE nuvom.jobs SET state = 'held', waits_for = 'flow'
WHERE state = 'ready' AND seq = ANY (ARRAY(
    SELECT worst.seq
    FROM unnest(:flow::text[], :excess::bigint[]) AS said (flow, excess)
    CROSS JOIN LATERAL (
        SELECT seq FROM nuvom.jobs
        WHERE flow = said.flow AND finished_at IS NULL AND state = 'ready'
        ORDER BY priority, run_at DESC, seq DESC
        LIMIT said.excess
    ) AS worst
));
