-- All that is kept of a task.
SELECT
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key, signature
FROM tasks
WHERE name = ?1;
