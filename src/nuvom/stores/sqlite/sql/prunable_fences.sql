-- A step through the fences.
SELECT schedule_id, ended_at FROM fences WHERE schedule_id > ?1 ORDER BY schedule_id LIMIT ?2;
