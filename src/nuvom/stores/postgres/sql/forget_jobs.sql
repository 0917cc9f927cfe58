-- Forget jobs that ended long enough ago, and with them their attempts; what became of each is kept on its occurrence,
-- which outlives it. One that was retried since it was read stays; one that somebody has locked is left for later.
WITH over AS MATERIALIZED (
    SELECT job.*
    FROM unnest(:seq::bigint[], :before::bigint[]) AS said (seq, before)
    CROSS JOIN LATERAL (
        SELECT seq, id, schedule_id, scheduled_for, state, started_at, finished_at FROM nuvom.jobs
        WHERE jobs.seq = said.seq AND finished_at < said.before
        FOR UPDATE SKIP LOCKED
    ) AS job
),
told AS (
    UPDATE nuvom.occurrences
    SET job_status = over.state, job_started_at = over.started_at, job_finished_at = over.finished_at
    FROM over
    WHERE occurrences.schedule_id = over.schedule_id AND occurrences.nominal = over.scheduled_for
        AND occurrences.job_id = over.id
)
DELETE FROM nuvom.jobs USING over WHERE jobs.seq = over.seq;
