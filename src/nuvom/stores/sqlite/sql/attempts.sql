-- The attempts of a job that ended without success.
SELECT attempt, worker, started_at, ended_at, error FROM attempts
WHERE job = (SELECT seq FROM jobs WHERE id = :id)
ORDER BY attempt;
