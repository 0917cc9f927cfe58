-- Store a job as it was elsewhere; what is there stays.
INSERT INTO jobs (
    id, task, queue, priority, run_at, state, arguments, attempt, errors, retries, crashes, max_crashes, defers,
    suspect, key, created_at, started_at, finished_at, schedule_id, schedule_name, scheduled_for, value, error,
    options, metadata, expires_at, backfill, waits_for, flow, unique_key, unique_until, cancel_at, progress, context
)
VALUES (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
    ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34
)
ON CONFLICT (id) DO NOTHING;
