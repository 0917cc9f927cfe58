-- The newest definition that is kept of a schedule.
SELECT generation, state, definition, ended_at FROM fences WHERE schedule_id = ?1;
