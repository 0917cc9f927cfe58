-- All that is kept of a row of the ledger.
SELECT
    schedule_id, nominal, source, outcome, reason, job_id, lateness, recorded_at, last, count, job_status,
    job_started_at, job_finished_at, utc_offset
FROM occurrences
WHERE schedule_id = ?1 AND nominal = ?2 AND source = ?3;
