-- The history rows of attempts that the store itself ends. After a lost commit a number may come again.
INSERT INTO nuvom.attempts (job, attempt, worker, started_at, ended_at, error)
SELECT seq, attempt, worker, started_at, $1::bigint, $2::json FROM nuvom.jobs WHERE seq = ANY ($3::bigint[])
ON CONFLICT (job, attempt) DO UPDATE SET
    worker = excluded.worker, started_at = excluded.started_at, ended_at = excluded.ended_at, error = excluded.error;
