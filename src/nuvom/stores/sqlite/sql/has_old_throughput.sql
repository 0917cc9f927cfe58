-- Whether any slice is too old to be asked for.
SELECT 1 FROM throughput WHERE since < ?1 LIMIT 1;
