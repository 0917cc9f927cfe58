-- Schedules that are kept elsewhere have nothing left to run.
INSERT INTO nuvom.fences (schedule_id, generation, state, definition, ended_at)
SELECT said.id, said.generation, said.state, said.definition::json, :now::bigint
FROM unnest(:id::uuid[], :generation::bigint[], :state::text[], :definition::text[])
    AS said (id, generation, state, definition)
ORDER BY said.id
ON CONFLICT (schedule_id) DO UPDATE SET
    generation = excluded.generation,
    state = excluded.state,
    definition = excluded.definition,
    ended_at = excluded.ended_at
WHERE excluded.generation > fences.generation;
