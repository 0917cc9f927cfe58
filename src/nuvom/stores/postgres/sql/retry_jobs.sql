-- Final jobs begin anew, held by what is said or ready; attempts go on counting.
UPDATE nuvom.jobs
SET state = CASE WHEN said.waits_for IS NULL THEN 'ready' ELSE 'held' END, waits_for = said.waits_for,
    run_at = :now, started_at = NULL, finished_at = NULL, errors = 0, retries = NULL, crashes = 0, suspect = false,
    value = NULL, error = NULL, expires_at = NULL, cancel_at = NULL, progress = NULL
FROM unnest(:seq::bigint[], :waits_for::text[]) AS said (seq, waits_for)
WHERE jobs.seq = said.seq;
