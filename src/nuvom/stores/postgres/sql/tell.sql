-- Wake those who wait for the results of some jobs, and workers if there is something to take, when this commits.
SELECT pg_catalog.pg_notify($1, told.who)
FROM (
    SELECT DISTINCT ear AS who FROM nuvom.waiters WHERE job_id = ANY ($2::uuid[])
    UNION ALL
    SELECT 'worker' WHERE $3::boolean
) AS told;
