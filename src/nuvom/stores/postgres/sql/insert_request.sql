-- Record a run that somebody asked for, once for each request, whenever it is repeated.
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
    ) WITH ORDINALITY AS said (
        schedule_id, nominal, source, outcome, reason, job_id, lateness, last, count, utc_offset, place
    )
    WHERE said.place = 1 AND NOT EXISTS (
        SELECT 1 FROM nuvom.occurrences AS known
        WHERE known.schedule_id = said.schedule_id AND known.source = said.source AND known.source <> ''
    )
    ORDER BY said.schedule_id, said.nominal, said.source
    ON CONFLICT (schedule_id, nominal, source) DO NOTHING
    RETURNING job_id
)
SELECT CASE WHEN count(*) < :wanted THEN coalesce(pg_catalog.array_agg(job_id), '{}') END FROM recorded;
