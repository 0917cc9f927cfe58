-- Store fences as they were elsewhere; none of a schedule that lives here, which says more.
-- Asked one by one, and not by NOT EXISTS, which a plan may answer by reading all schedules.
INSERT INTO nuvom.fences (
    schedule_id, generation, state, definition, ended_at
)
SELECT
    said.schedule_id, said.generation, said.state, said.definition::json, said.ended_at
FROM unnest(
    :schedule_id::uuid[], :generation::bigint[], :state::text[], :definition::text[], :ended_at::bigint[]
) WITH ORDINALITY AS said (
    schedule_id, generation, state, definition, ended_at, place
)
WHERE (SELECT 1 FROM nuvom.schedules WHERE schedules.id = said.schedule_id LIMIT 1) IS NULL
ORDER BY said.place
ON CONFLICT (schedule_id) DO NOTHING
RETURNING 1;
