-- How many services live.
SELECT pg_catalog.count(*) FROM nuvom.workers
WHERE lease_until > coalesce($1, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000)::bigint);
