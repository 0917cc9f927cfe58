-- What a worker runs.
SELECT seq, id, attempt, queue, key, flow, max_crashes <> 0 FROM nuvom.jobs
WHERE worker = $1 AND state = 'running';
