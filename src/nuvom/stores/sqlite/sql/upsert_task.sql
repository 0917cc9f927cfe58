-- What a worker reports of a task.
INSERT INTO tasks (
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key, signature,
    updated_at
)
VALUES (
    :name, :canonical, :queue, :priority, :max_crashes, :expires_in, :concurrency, :rate, :unique, :key, :signature, :now
)
ON CONFLICT (name) DO UPDATE SET
    canonical = excluded.canonical, queue = excluded.queue, priority = excluded.priority,
    max_crashes = excluded.max_crashes, expires_in = excluded.expires_in, concurrency = excluded.concurrency,
    rate = excluded.rate, uniqueness = excluded.uniqueness, flow_key = excluded.flow_key,
    signature = excluded.signature, updated_at = excluded.updated_at;
