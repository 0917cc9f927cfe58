-- Whether a failure that its worker does not know of waits for one of these tasks: a seek each.
SELECT 1 FROM pg_catalog.unnest(:tasks::text[]) AS wanted
WHERE EXISTS (SELECT 1 FROM nuvom.untold WHERE task = wanted)
LIMIT 1;
