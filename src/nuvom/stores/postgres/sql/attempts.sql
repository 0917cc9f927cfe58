-- The attempts of a job that ended without success.
SELECT attempt, worker, started_at, ended_at, error FROM nuvom.attempts
WHERE job = (SELECT seq FROM nuvom.jobs WHERE id = $1::uuid)
ORDER BY attempt;
