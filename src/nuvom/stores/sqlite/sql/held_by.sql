-- What a worker runs.
SELECT seq, id, attempt, queue, key, flow, max_crashes <> 0 FROM jobs INDEXED BY jobs_running
WHERE worker = ?1 AND state = 'running';
