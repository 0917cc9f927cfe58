-- The next keys of all schedules.
SELECT id FROM schedules WHERE id > ?1 ORDER BY id LIMIT ?2;
