-- The history rows of attempts elsewhere.
INSERT INTO nuvom.attempts (job, attempt, worker, started_at, ended_at, error)
SELECT job, attempt::integer, worker, started_at, ended_at, error::json
FROM unnest(
    :job::bigint[], :attempt::bigint[], :worker::text[], :started_at::bigint[], :ended_at::bigint[], :error::text[]
) AS said (job, attempt, worker, started_at, ended_at, error);
