-- Attempts reported an error and are to be tried again; their rows are held.
UPDATE nuvom.jobs
SET state = 'delayed', worker = NULL, run_at = said.run_at, suspect = false, error = said.error::json,
    errors = errors + 1, retries = greatest(said.retries::integer, errors)
FROM unnest(:seq::bigint[], :run_at::bigint[], :error::text[], :retries::bigint[]) AS said (seq, run_at, error, retries)
WHERE jobs.seq = said.seq;
