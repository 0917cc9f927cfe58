-- The attempts of some jobs that ended without success.
SELECT job, attempt, worker, started_at, ended_at, error FROM nuvom.attempts
WHERE job = ANY ($1::bigint[])
ORDER BY job, attempt;
