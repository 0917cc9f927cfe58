-- All that is kept of some tasks.
SELECT
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key, signature
FROM nuvom.tasks
WHERE name = ANY ($1::text[]);
