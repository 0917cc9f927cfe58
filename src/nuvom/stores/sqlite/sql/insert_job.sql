-- Store one job; an id that is there stays as it is.
-- held: an open job has its key, whatever its own time, so that never two of a key are loose (?16: it does not wait);
-- or it has a flow, which is opened when all jobs of the transaction are in.
INSERT INTO jobs (
    id, task, queue, priority, run_at, state, arguments, max_crashes, key, created_at,
    schedule_id, schedule_name, scheduled_for, options, metadata, expires_at, backfill,
    waits_for, context, flow, unique_key, unique_until
)
VALUES (
    ?1, ?2, ?3, ?4, coalesce(?5, ?14),
    CASE
        WHEN ?8 IS NOT NULL AND ?16 AND EXISTS (SELECT 1 FROM jobs WHERE key = ?8 AND finished_at IS NULL) THEN 'held'
        WHEN ?5 > ?14 THEN 'delayed'
        WHEN ?19 IS NOT NULL THEN 'held'
        ELSE 'ready'
    END,
    ?6, ?7, ?8, ?14, ?9, ?10, ?11, ?12, ?13, ?15, ?17,
    CASE
        WHEN ?8 IS NOT NULL AND ?16 AND EXISTS (SELECT 1 FROM jobs WHERE key = ?8 AND finished_at IS NULL) THEN 'key'
        WHEN ?19 IS NOT NULL AND NOT coalesce(?5 > ?14, FALSE) THEN 'flow'
    END,
    ?18, ?19, ?20, ?21
)
ON CONFLICT (id) DO NOTHING;
