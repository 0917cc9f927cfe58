-- Remove schedules whose lives end, those that still are what was read, and keep their definitions as fences; one that
-- another transaction has locked is passed over. No expected next_run: any, and in any state.
-- Its place in the listing goes with it, so that the page after it can still be found.
-- Which were ended is returned where that is not all.
WITH free AS MATERIALIZED (
    SELECT schedule.place, said.id, said.ended_as, said.state, said.definition, said.ended_at
    FROM unnest(
        :id::uuid[], :generation::bigint[], :expected::bigint[], :ended_as::bigint[], :state::text[],
        :definition::text[], :ended_at::bigint[]
    ) AS said (id, generation, expected, ended_as, state, definition, ended_at)
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM nuvom.schedules
        WHERE schedules.id = said.id AND generation = said.generation
            AND (said.expected IS NULL OR (next_run + 0 = said.expected AND schedules.state || '' = 'active'))
        FOR UPDATE SKIP LOCKED
    ) AS schedule
),
gone AS (
    DELETE FROM nuvom.schedules USING free
    WHERE schedules.ctid = free.place AND schedules.ctid = ANY (ARRAY(SELECT place FROM free))
    RETURNING schedules.seq, free.id, free.ended_as, free.state, free.definition, free.ended_at
),
kept AS (
    INSERT INTO nuvom.fences (schedule_id, generation, state, definition, ended_at, place)
    SELECT id, ended_as, state, definition::json, ended_at, seq FROM gone
    ON CONFLICT (schedule_id) DO UPDATE SET
        generation = excluded.generation,
        state = excluded.state,
        definition = excluded.definition,
        ended_at = excluded.ended_at,
        place = excluded.place
    RETURNING schedule_id
)
SELECT CASE WHEN count(*) < :wanted THEN coalesce(pg_catalog.array_agg(schedule_id), '{}') END FROM kept;
