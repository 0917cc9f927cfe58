-- A page of fences by the time of their change; a schedule that is done is met where it is still due.
SELECT schedule_id, generation, state, definition, ended_at
FROM fences INDEXED BY fences_changed
WHERE state <> 'done' AND (generation, schedule_id) > (?1, ?2)
ORDER BY generation, schedule_id
LIMIT ?3;
