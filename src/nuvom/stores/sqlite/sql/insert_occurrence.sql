-- Say for good what became of an occurrence; what is said already stays.
INSERT INTO occurrences (
    schedule_id, nominal, source, outcome, reason, job_id, lateness, recorded_at, last, count, utc_offset
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (schedule_id, nominal, source) DO NOTHING;
