-- Tell who listens, when this transaction commits; the same said twice is said once.
SELECT pg_catalog.pg_notify($1, $2);
