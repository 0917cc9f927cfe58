-- Move schedules on after a dispatch, those that still are what was planned. One that another transaction has locked is
-- passed over: whoever holds it is about to move it. Each is found by its id and no other way: many may be due at one
-- instant, and the index of next runs would give them all. Then by its place, which holds while it is locked: a join on
-- anything else may read the whole table.
-- Which were moved is returned where that is not all.
WITH free AS MATERIALIZED (
    SELECT schedule.place, said.next_nominal, said.next_run, said.runs, said.tzdata, said.times_since
    FROM unnest(
        :id::uuid[], :generation::bigint[], :expected::bigint[], :next_nominal::bigint[], :next_run::bigint[],
        :runs::bigint[], :tzdata::text[], :times_since::bigint[]
    ) AS said (id, generation, expected, next_nominal, next_run, runs, tzdata, times_since)
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM nuvom.schedules
        WHERE schedules.id = said.id AND generation = said.generation
            AND next_run + 0 = said.expected AND state || '' = 'active'
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS schedule
),
moved AS (
    UPDATE nuvom.schedules
    SET next_nominal = coalesce(free.next_nominal, free.next_run), next_run = free.next_run,
        run_count = run_count + free.runs,
        tzdata = coalesce(free.tzdata, schedules.tzdata),
        times_since = coalesce(free.times_since, schedules.times_since)
    FROM free
    WHERE schedules.ctid = free.place AND schedules.ctid = ANY (ARRAY(SELECT place FROM free))
    RETURNING schedules.id
)
SELECT CASE WHEN count(*) < :wanted THEN coalesce(pg_catalog.array_agg(id), '{}') END FROM moved;
