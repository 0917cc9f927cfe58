-- Store a row of the ledger as it was elsewhere; what is there stays.
INSERT INTO occurrences (
    schedule_id, nominal, source, outcome, reason, job_id, lateness, recorded_at, last, count, job_status,
    job_started_at, job_finished_at, utc_offset
)
VALUES (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
)
ON CONFLICT (schedule_id, nominal, source) DO NOTHING;
