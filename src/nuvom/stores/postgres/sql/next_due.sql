-- How long until the next one is due: the head of the index.
SELECT next_run - coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint)
FROM nuvom.schedules
WHERE state = 'active'
ORDER BY next_run
LIMIT 1;
