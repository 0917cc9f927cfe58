-- Set schedules aside that cannot be read or planned, those that still are what was read; one that another transaction
-- has locked is passed over. No expected next_run: any.
-- Which were set aside is returned where that is not all.
WITH free AS MATERIALIZED (
    SELECT schedule.place, said.newer, said.reason
    FROM unnest(:id::uuid[], :generation::bigint[], :expected::bigint[], :newer::bigint[], :reason::text[])
        AS said (id, generation, expected, newer, reason)
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM nuvom.schedules
        WHERE schedules.id = said.id AND generation = said.generation
            AND (said.expected IS NULL OR next_run + 0 = said.expected) AND state <> 'quarantined'
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS schedule
),
aside AS (
    UPDATE nuvom.schedules
    SET state = 'quarantined', note = free.reason, generation = free.newer, updated_at = :now
    FROM free
    WHERE schedules.ctid = free.place AND schedules.ctid = ANY (ARRAY(SELECT place FROM free))
    RETURNING schedules.id
)
SELECT CASE WHEN count(*) < :wanted THEN coalesce(pg_catalog.array_agg(id), '{}') END FROM aside;
