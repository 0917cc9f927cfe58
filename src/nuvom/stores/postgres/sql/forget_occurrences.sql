-- Forget occurrences, unless a job of theirs was retried since they were read; one that somebody has locked is left for
-- later.
WITH over AS MATERIALIZED (
    SELECT row.place
    FROM unnest(:schedule_id::uuid[], :nominal::bigint[], :source::text[]) AS said (schedule_id, nominal, source)
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM nuvom.occurrences
        WHERE occurrences.schedule_id = said.schedule_id AND occurrences.nominal = said.nominal
            AND occurrences.source = said.source
            AND NOT EXISTS (SELECT 1 FROM nuvom.jobs WHERE jobs.id = occurrences.job_id AND finished_at IS NULL)
        FOR UPDATE OF occurrences SKIP LOCKED
    ) AS row
)
DELETE FROM nuvom.occurrences WHERE ctid = ANY (ARRAY(SELECT place FROM over));
