-- Move a schedule on after a dispatch, if it still is what was planned.
UPDATE schedules
SET next_nominal = ?4, next_run = ?5, run_count = run_count + ?6
WHERE id = ?1 AND generation = ?2 AND next_run = ?3 AND state = 'active';
