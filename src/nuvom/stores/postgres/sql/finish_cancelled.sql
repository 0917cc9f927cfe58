-- Attempts ended because they were asked to stop; their rows are held.
UPDATE nuvom.jobs
SET state = 'cancelled', worker = NULL, finished_at = :now, suspect = false, error = said.error::json
FROM unnest(:seq::bigint[], :error::text[]) AS said (seq, error)
WHERE jobs.seq = said.seq;
