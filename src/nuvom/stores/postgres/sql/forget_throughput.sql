-- Slices that are too old to be asked for.
DELETE FROM nuvom.throughput WHERE since < $1;
