-- Whether a delayed job is due.
SELECT 1 FROM jobs INDEXED BY jobs_delayed WHERE state = 'delayed' AND run_at <= :now LIMIT 1;
