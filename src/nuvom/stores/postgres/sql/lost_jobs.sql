-- The same, for who is about to change it: an outcome on its way comes first.
SELECT seq, id, queue, key, flow, suspect, crashes, max_crashes FROM nuvom.jobs
WHERE worker = $1 AND state = 'running'
ORDER BY seq
FOR NO KEY UPDATE;
