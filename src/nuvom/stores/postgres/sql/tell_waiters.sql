-- Wake those who wait for the results of some jobs, when this transaction commits.
SELECT pg_catalog.pg_notify($1, ears.ear)
FROM (SELECT DISTINCT ear FROM nuvom.waiters WHERE job_id = ANY ($2::uuid[])) AS ears;
