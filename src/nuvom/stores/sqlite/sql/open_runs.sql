-- Count a schedule's jobs that are not final, no further than asked.
SELECT count(*) FROM (SELECT 1 FROM jobs WHERE schedule_id = ?1 AND finished_at IS NULL LIMIT ?2);
