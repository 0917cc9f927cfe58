-- Replace the definition that was read; ?6 is its generation.
UPDATE fences
SET generation = ?2, state = ?3, definition = ?4, ended_at = ?5
WHERE schedule_id = ?1 AND generation = ?6;
