-- Store a flow as it was elsewhere; what is there stays.
INSERT INTO flows (
    flow, task, concurrency, rate, openings, starts, opens_at, shut_at
)
VALUES (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
)
ON CONFLICT (flow) DO NOTHING;
