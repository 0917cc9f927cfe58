-- What a lost process was running.
SELECT seq, id, queue, key, flow, suspect, crashes, max_crashes FROM nuvom.jobs
WHERE worker = $1 AND state = 'running';
