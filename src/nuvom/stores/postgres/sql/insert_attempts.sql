-- The history rows of attempts that end now. After a lost commit a number may come again.
INSERT INTO nuvom.attempts (job, attempt, worker, started_at, ended_at, error)
SELECT jobs.seq, jobs.attempt, jobs.worker, jobs.started_at, :now::bigint, said.error::json
FROM unnest(:seq::bigint[], :error::text[]) AS said (seq, error)
JOIN nuvom.jobs ON jobs.seq = said.seq
ON CONFLICT (job, attempt) DO UPDATE SET
    worker = excluded.worker, started_at = excluded.started_at, ended_at = excluded.ended_at, error = excluded.error;
