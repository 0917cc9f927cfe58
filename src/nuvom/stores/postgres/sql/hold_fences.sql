-- What deliveries are compared with; it stays so until the transaction ends, which may end some of them.
SELECT schedule_id, generation, ended_at FROM nuvom.fences
WHERE schedule_id = ANY ($1::uuid[])
ORDER BY schedule_id
FOR NO KEY UPDATE;
