-- All that is kept of some flows.
SELECT
    flow, task, concurrency, rate, openings, starts, opens_at, shut_at
FROM nuvom.flows
WHERE flow = ANY ($1::text[]);
