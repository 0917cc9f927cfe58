-- The tasks asked for a later time; their rows are held.
UPDATE nuvom.jobs
SET state = 'delayed', worker = NULL, run_at = said.run_at, defers = defers + 1
FROM unnest(:seq::bigint[], :run_at::bigint[]) AS said (seq, run_at)
WHERE jobs.seq = said.seq;
