-- Take advisory locks in the order given, until the transaction ends.
SELECT pg_catalog.pg_advisory_xact_lock($1::int, slot::int) FROM pg_catalog.unnest($2::bigint[]) AS slot;
