-- Which of these attempts a worker still holds; nobody else changes their rows until this transaction ends.
-- The worker is hidden from the planner, whose statistics know few workers or none: it might read the whole table.
SELECT jobs.seq
FROM nuvom.jobs
JOIN unnest($1::bigint[], $2::bigint[]) AS said (ref, attempt) ON jobs.seq = said.ref AND jobs.attempt = said.attempt
WHERE jobs.worker || '' = $3
ORDER BY jobs.seq
FOR NO KEY UPDATE OF jobs;
