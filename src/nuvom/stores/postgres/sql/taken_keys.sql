-- Which of some keys have an open job.
SELECT wanted FROM pg_catalog.unnest($1::text[]) AS wanted
WHERE (SELECT 1 FROM nuvom.jobs WHERE key = wanted AND finished_at IS NULL LIMIT 1) IS NOT NULL;
