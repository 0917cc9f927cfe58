-- The next keys of all fences.
SELECT schedule_id FROM nuvom.fences WHERE schedule_id > $1::uuid ORDER BY schedule_id LIMIT $2;
