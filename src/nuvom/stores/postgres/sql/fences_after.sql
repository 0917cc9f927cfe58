-- A page of fences by the time of their change; a schedule that is done is met where it is still due.
SELECT schedule_id, generation, state, definition::text, ended_at
FROM nuvom.fences
WHERE state <> 'done' AND (generation, schedule_id) > ($1::bigint, $2::uuid)
ORDER BY generation, schedule_id
LIMIT $3;
