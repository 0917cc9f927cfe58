-- All that is kept of a fence.
SELECT
    schedule_id, generation, state, definition, ended_at
FROM fences
WHERE schedule_id = ?1;
