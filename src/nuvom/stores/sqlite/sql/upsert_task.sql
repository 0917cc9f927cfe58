-- What a worker reports of a task.
INSERT INTO tasks (name, canonical, queue, priority, max_crashes, signature, updated_at)
VALUES (:name, :canonical, :queue, :priority, :max_crashes, :signature, :now)
ON CONFLICT (name) DO UPDATE SET
    canonical = excluded.canonical, queue = excluded.queue, priority = excluded.priority,
    max_crashes = excluded.max_crashes, signature = excluded.signature, updated_at = excluded.updated_at;
