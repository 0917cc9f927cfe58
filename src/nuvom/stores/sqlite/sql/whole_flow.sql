-- All that is kept of a flow.
SELECT
    flow, task, concurrency, rate, openings, starts, opens_at, shut_at
FROM flows
WHERE flow = ?1;
