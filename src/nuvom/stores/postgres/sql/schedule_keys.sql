-- The next keys of all schedules.
SELECT id FROM nuvom.schedules WHERE id > $1::uuid ORDER BY id LIMIT $2;
