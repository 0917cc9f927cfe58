-- What a lost process was running.
SELECT seq, id, queue, key, flow, suspect, crashes, max_crashes FROM jobs INDEXED BY jobs_running
WHERE worker = ?1 AND state = 'running';
