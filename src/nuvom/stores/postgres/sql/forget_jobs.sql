-- Forget jobs that ended long enough ago, and with them their attempts; what became of each is kept on its occurrence,
-- which outlives it. One that was retried since it was read stays; one that somebody has locked is left for later.
-- Each row is found by its key, then by its place, which nobody changes while its job is locked: a join on anything else
-- may read the whole table.
WITH over AS MATERIALIZED (
    SELECT job.*
    FROM unnest(:seq::bigint[], :before::bigint[]) AS said (seq, before)
    CROSS JOIN LATERAL (
        SELECT ctid AS place, id, schedule_id, scheduled_for, state, started_at, finished_at FROM nuvom.jobs
        WHERE jobs.seq = said.seq AND finished_at < said.before
        FOR UPDATE SKIP LOCKED
    ) AS job
),
rows AS MATERIALIZED (
    SELECT row.place, over.state, over.started_at, over.finished_at
    FROM over
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM nuvom.occurrences
        WHERE occurrences.schedule_id = over.schedule_id AND occurrences.nominal = over.scheduled_for
            AND occurrences.job_id = over.id
        OFFSET 0
    ) AS row
),
told AS (
    UPDATE nuvom.occurrences
    SET job_status = rows.state, job_started_at = rows.started_at, job_finished_at = rows.finished_at
    FROM rows
    WHERE occurrences.ctid = rows.place AND occurrences.ctid = ANY (ARRAY(SELECT place FROM rows))
)
DELETE FROM nuvom.jobs WHERE ctid = ANY (ARRAY(SELECT place FROM over));
