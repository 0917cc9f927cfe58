-- A step through the fences.
SELECT schedule_id, ended_at, definition FROM nuvom.fences
WHERE schedule_id > $1::uuid
ORDER BY schedule_id
LIMIT $2;
