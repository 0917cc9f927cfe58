-- What time it is there, in seconds.
SELECT extract(epoch FROM pg_catalog.clock_timestamp())::double precision;
