-- Keep the definition of a schedule whose life ends, if it still is what was read. ?3: any next_run when NULL.
-- Its place in the listing goes with it, so that the page after it can still be found.
INSERT INTO fences (schedule_id, generation, state, definition, ended_at, place)
SELECT id, ?4, ?5, ?6, ?7, seq
FROM schedules
WHERE id = ?1 AND generation = ?2 AND (?3 IS NULL OR (next_run = ?3 AND state = 'active'))
ON CONFLICT (schedule_id) DO UPDATE SET
    generation = excluded.generation,
    state = excluded.state,
    definition = excluded.definition,
    ended_at = excluded.ended_at,
    place = excluded.place
-- The same end twice in one batch is one end: the second of two plans finds nothing to change.
WHERE fences.generation <> excluded.generation OR fences.ended_at IS NOT excluded.ended_at;
