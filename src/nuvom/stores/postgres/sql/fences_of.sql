-- The fences of some schedules.
SELECT schedule_id, ended_at, definition FROM nuvom.fences WHERE schedule_id = ANY ($1::uuid[]);
