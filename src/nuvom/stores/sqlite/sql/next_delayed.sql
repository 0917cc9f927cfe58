-- When the next delayed job is due.
SELECT min(run_at) FROM jobs INDEXED BY jobs_delayed WHERE state = 'delayed';
