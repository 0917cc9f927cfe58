-- Store a task as it was elsewhere; what is there stays. No worker reported it here yet.
INSERT INTO tasks (
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key, signature,
    updated_at
)
VALUES (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0
)
ON CONFLICT (name) DO NOTHING;
