-- What waits and runs in each queue; each state is read from the index that holds nothing else.
SELECT queue, 'ready', count(*), min(run_at) FROM jobs INDEXED BY jobs_claim
WHERE state = 'ready' AND suspect = 0 GROUP BY queue
UNION ALL
SELECT queue, 'ready', count(*), min(run_at) FROM jobs INDEXED BY jobs_suspects
WHERE state = 'ready' AND suspect = 1 GROUP BY queue
UNION ALL
SELECT queue, 'delayed', count(*), NULL FROM jobs INDEXED BY jobs_delayed WHERE state = 'delayed' GROUP BY queue
UNION ALL
SELECT queue, 'held', count(*), NULL FROM jobs INDEXED BY jobs_key
WHERE key IS NOT NULL AND finished_at IS NULL AND state = 'held' AND waits_for = 'key' GROUP BY queue
UNION ALL
SELECT queue, 'held', count(*), NULL FROM jobs INDEXED BY jobs_held WHERE waits_for = 'flow' GROUP BY queue
UNION ALL
SELECT queue, 'running', count(*), NULL FROM jobs INDEXED BY jobs_running WHERE state = 'running' GROUP BY queue;
