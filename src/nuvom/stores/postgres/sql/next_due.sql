-- When the next one is due, the head of the index, and what time it is.
SELECT
    (SELECT next_run FROM nuvom.schedules WHERE state = 'active' ORDER BY next_run LIMIT 1),
    (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint;
