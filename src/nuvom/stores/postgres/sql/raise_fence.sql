-- Replace the definition that was read; $6 is its generation.
UPDATE nuvom.fences
SET generation = $2, state = $3, definition = $4::json, ended_at = $5
WHERE schedule_id = $1::uuid AND generation = $6;
