-- Store a schedule as it was elsewhere; not one of which a newer end is known here.
INSERT INTO schedules (
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor, next_nominal, next_run,
    catch_up, state, note, origin, generation, run_count, options, defaults, metadata, tzdata, created_at, updated_at,
    unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter, paused_at, overridden
)
SELECT
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
    ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34
WHERE NOT EXISTS (SELECT 1 FROM fences WHERE schedule_id = ?1 AND ended_at IS NOT NULL AND generation >= ?17)
ON CONFLICT (id) DO NOTHING;
