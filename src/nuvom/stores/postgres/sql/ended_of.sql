-- Which of some jobs are final, or not there at all.
SELECT asked.id, jobs.state
FROM pg_catalog.unnest($1::uuid[]) AS asked (id)
LEFT JOIN nuvom.jobs ON jobs.id = asked.id
WHERE jobs.id IS NULL OR jobs.finished_at IS NOT NULL;
