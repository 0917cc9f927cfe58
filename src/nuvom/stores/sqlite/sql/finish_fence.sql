-- A schedule that is kept elsewhere has nothing left to run. The same end twice in one batch is one end.
INSERT INTO fences (schedule_id, generation, state, definition, ended_at)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (schedule_id) DO UPDATE SET
    generation = excluded.generation,
    state = excluded.state,
    definition = excluded.definition,
    ended_at = excluded.ended_at
WHERE excluded.generation > fences.generation;
