-- Record runs of the past, but for those that were dispatched before, by the plan or by a backfill. OFFSET keeps
-- the planner from reading all of the ledger for a join.
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
    WHERE NOT EXISTS (
        SELECT 1 FROM nuvom.occurrences AS known
        WHERE known.schedule_id = said.schedule_id AND known.nominal = said.nominal AND known.outcome = 'dispatched'
        OFFSET 0
    )
    ORDER BY said.schedule_id, said.nominal, said.source
    ON CONFLICT (schedule_id, nominal, source) DO NOTHING
    RETURNING job_id
)
SELECT CASE WHEN count(*) < :wanted THEN coalesce(pg_catalog.array_agg(job_id), '{}') END FROM recorded;
