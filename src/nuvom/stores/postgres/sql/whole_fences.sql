-- All that is kept of some fences.
SELECT
    schedule_id, generation, state, definition, ended_at
FROM nuvom.fences
WHERE schedule_id = ANY ($1::uuid[]);
