-- What time it is by the server, in microseconds.
SELECT (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint;
