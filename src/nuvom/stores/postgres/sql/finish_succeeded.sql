-- Attempts succeeded; their rows are held.
UPDATE nuvom.jobs
SET state = 'succeeded', worker = NULL, finished_at = :now, suspect = false,
    value = said.value::json, error = said.error::json
FROM unnest(:seq::bigint[], :value::text[], :error::text[]) AS said (seq, value, error)
WHERE jobs.seq = said.seq;
