-- What workers reported of some tasks, under these names or as aliases.
SELECT
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key
FROM nuvom.tasks
WHERE name = ANY ($1::text[]);
