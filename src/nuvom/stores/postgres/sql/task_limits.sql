-- The same for whoever makes flows: their limits stay what they are until this transaction ends.
SELECT
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key
FROM nuvom.tasks
WHERE name = ANY ($1::text[])
ORDER BY name
FOR SHARE;
