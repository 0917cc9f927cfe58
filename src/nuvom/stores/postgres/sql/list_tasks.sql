-- The tasks that workers reported.
SELECT name, canonical, signature, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key
FROM nuvom.tasks ORDER BY name;
