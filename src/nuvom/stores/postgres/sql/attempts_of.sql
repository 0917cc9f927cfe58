-- The attempts of some jobs that ended without success; looked for job by job, whatever the planner thinks of their number.
SELECT found.job, found.attempt, found.worker, found.started_at, found.ended_at, found.error
FROM unnest($1::bigint[]) AS wanted (job)
CROSS JOIN LATERAL (
    SELECT job, attempt, worker, started_at, ended_at, error FROM nuvom.attempts
    WHERE attempts.job = wanted.job
    ORDER BY attempt
    OFFSET 0
) AS found;
