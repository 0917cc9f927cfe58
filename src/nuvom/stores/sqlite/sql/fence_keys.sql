-- The next keys of all fences.
SELECT schedule_id FROM fences WHERE schedule_id > ?1 ORDER BY schedule_id LIMIT ?2;
