-- Attempts failed for good; their rows are held. A deploy may have lowered retries below the errors there are already.
UPDATE nuvom.jobs
SET state = 'failed', worker = NULL, finished_at = :now, suspect = false, error = said.error::json,
    errors = errors + said.reported::integer, retries = greatest(said.retries::integer, errors)
FROM unnest(:seq::bigint[], :error::text[], :reported::bigint[], :retries::bigint[])
    AS said (seq, error, reported, retries)
WHERE jobs.seq = said.seq;
