-- Record a run that somebody asked for, once for each request, whenever it is repeated.
INSERT INTO occurrences (
    schedule_id, nominal, source, outcome, reason, job_id, lateness, recorded_at, last, count, utc_offset
)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
WHERE NOT EXISTS (
    SELECT 1 FROM occurrences INDEXED BY occurrences_requests
    WHERE schedule_id = ?1 AND source = ?3 AND source <> ''
)
ON CONFLICT (schedule_id, nominal, source) DO NOTHING;
