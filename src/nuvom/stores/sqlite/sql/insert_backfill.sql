-- Record a run of the past, unless it was dispatched before, by the plan or by a backfill.
INSERT INTO occurrences (
    schedule_id, nominal, source, outcome, reason, job_id, lateness, recorded_at, last, count, utc_offset
)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
WHERE NOT EXISTS (SELECT 1 FROM occurrences WHERE schedule_id = ?1 AND nominal = ?2 AND outcome = 'dispatched')
ON CONFLICT (schedule_id, nominal, source) DO NOTHING;
