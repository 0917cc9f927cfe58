-- The newest row: what a transaction inserts after it has a higher seq.
SELECT coalesce(max(seq), 0) FROM jobs;
