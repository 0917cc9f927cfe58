-- Whether the limits of tasks are other ones than those that were reported before, if any were.
SELECT 1
FROM unnest(:task::text[], :concurrency::bigint[], :rate::text[]) AS said (task, concurrency, rate)
LEFT JOIN nuvom.tasks ON tasks.name = said.task
WHERE tasks.name IS NULL
    OR tasks.concurrency IS DISTINCT FROM said.concurrency OR tasks.rate IS DISTINCT FROM said.rate
LIMIT 1;
