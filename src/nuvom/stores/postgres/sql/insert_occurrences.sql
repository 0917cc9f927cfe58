-- Say for good what became of occurrences; what is said already stays. In the order of their keys, so that two who say
-- the same never wait for each other in a circle.
-- Which jobs' rows were new is returned where not all rows were.
WITH recorded AS (
    INSERT INTO nuvom.occurrences (
        schedule_id, nominal, source, outcome, reason, job_id, lateness, recorded_at, last, count, utc_offset
    )
    SELECT
        said.schedule_id, said.nominal, said.source, said.outcome, said.reason, said.job_id, said.lateness, :now,
        said.last, said.count, said.utc_offset::integer
    FROM unnest(
        :schedule_id::uuid[], :nominal::bigint[], :source::text[], :outcome::text[], :reason::text[], :job_id::uuid[],
        :lateness::bigint[], :last::bigint[], :count::bigint[], :utc_offset::bigint[]
    ) AS said (
        schedule_id, nominal, source, outcome, reason, job_id, lateness, last, count, utc_offset
    )
    ORDER BY said.schedule_id, said.nominal, said.source
    ON CONFLICT (schedule_id, nominal, source) DO NOTHING
    RETURNING job_id
)
SELECT CASE WHEN count(*) < :wanted THEN coalesce(pg_catalog.array_agg(job_id), '{}') END FROM recorded;
