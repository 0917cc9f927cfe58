-- The newest definition that is kept of a schedule.
SELECT generation, state, definition::text, ended_at FROM nuvom.fences WHERE schedule_id = $1::uuid;
