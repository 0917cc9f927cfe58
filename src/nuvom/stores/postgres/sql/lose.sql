-- What becomes of the jobs of a lost process: they may run again, each in its flow if it has one, or fail.
UPDATE nuvom.jobs
SET state = CASE WHEN said.fails THEN 'failed' WHEN flow IS NULL THEN 'ready' ELSE 'held' END,
    waits_for = CASE WHEN said.fails OR flow IS NULL THEN NULL ELSE 'flow' END,
    finished_at = CASE WHEN said.fails THEN :now::bigint END,
    worker = NULL, suspect = said.suspect, crashes = said.crashes::integer, error = coalesce(said.error::json, jobs.error)
FROM unnest(:seq::bigint[], :fails::boolean[], :suspect::boolean[], :crashes::bigint[], :error::text[])
    AS said (seq, fails, suspect, crashes, error)
WHERE jobs.seq = said.seq;
