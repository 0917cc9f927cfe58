-- What waits and runs in each queue; each state is read from the index that holds nothing else.
SELECT queue, 'ready', count(*), min(run_at) FROM nuvom.jobs WHERE state = 'ready' AND NOT suspect GROUP BY queue
UNION ALL
SELECT queue, 'ready', count(*), min(run_at) FROM nuvom.jobs WHERE state = 'ready' AND suspect GROUP BY queue
UNION ALL
SELECT queue, 'delayed', count(*), NULL FROM nuvom.jobs WHERE state = 'delayed' GROUP BY queue
UNION ALL
SELECT queue, 'held', count(*), NULL FROM nuvom.jobs
WHERE key IS NOT NULL AND finished_at IS NULL AND state = 'held' AND waits_for = 'key' GROUP BY queue
UNION ALL
SELECT queue, 'held', count(*), NULL FROM nuvom.jobs WHERE waits_for = 'flow' GROUP BY queue
UNION ALL
SELECT queue, 'running', count(*), NULL FROM nuvom.jobs WHERE state = 'running' GROUP BY queue;
