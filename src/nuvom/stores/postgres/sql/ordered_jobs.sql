-- Jobs of which something is asked, as they are once nobody else can change them.
SELECT seq, id, task, finished_at IS NOT NULL, state = 'running', key, flow
FROM nuvom.jobs
WHERE id = ANY ($1::uuid[])
ORDER BY seq
FOR NO KEY UPDATE;
