-- Slices that are too old to be asked for.
DELETE FROM throughput WHERE since < ?1;
