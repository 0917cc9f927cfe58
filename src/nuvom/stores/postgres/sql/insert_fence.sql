-- Keep the first definition of a schedule that lives elsewhere; somebody else's stays.
INSERT INTO nuvom.fences (schedule_id, generation, state, definition, ended_at)
VALUES ($1::uuid, $2, $3, $4::json, $5)
ON CONFLICT (schedule_id) DO NOTHING;
