-- Count a schedule's jobs that are not final, no further than asked.
-- Named, because the planner takes the index of all of a schedule's jobs for as good.
SELECT count(*) FROM (SELECT 1 FROM jobs INDEXED BY jobs_open_runs WHERE schedule_id = ?1 AND finished_at IS NULL LIMIT ?2);
