-- Who waits for a job's result.
SELECT port FROM waiters WHERE job_id = ?1;
