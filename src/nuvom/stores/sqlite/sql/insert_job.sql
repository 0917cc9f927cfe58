-- Store one job. What its call left open comes from the task's row, else from the code that called.
-- held: an open job has its key, whatever its own time, so that never two of a key are loose. An id that is there stays.
INSERT INTO jobs (
    id, task, queue, priority, run_at, state, arguments, max_crashes, key, created_at,
    schedule_id, schedule_name, scheduled_for, options, metadata
)
SELECT
    new.id,
    new.task,
    coalesce(new.queue, tasks.queue, new.default_queue),
    coalesce(new.priority, tasks.priority, new.default_priority),
    coalesce(new.run_at, new.now),
    CASE
        WHEN new.key IS NOT NULL
            AND EXISTS (SELECT 1 FROM jobs AS open WHERE open.key = new.key AND open.finished_at IS NULL) THEN 'held'
        WHEN new.run_at > new.now THEN 'delayed'
        ELSE 'ready'
    END,
    new.arguments,
    coalesce(new.max_crashes, tasks.max_crashes, new.default_max_crashes),
    new.key,
    new.now,
    new.schedule_id,
    new.schedule_name,
    new.scheduled_for,
    new.options,
    new.metadata
FROM (
    SELECT
        ?1 AS id, ?2 AS task, ?3 AS arguments, ?4 AS queue, ?5 AS priority, ?6 AS max_crashes,
        ?7 AS default_queue, ?8 AS default_priority, ?9 AS default_max_crashes, ?10 AS run_at, ?11 AS key,
        ?12 AS schedule_id, ?13 AS schedule_name, ?14 AS scheduled_for, ?15 AS options, ?16 AS metadata, ?17 AS now
) AS new
LEFT JOIN tasks ON tasks.name = new.task
WHERE true  -- without it the parser takes ON for a join's
ON CONFLICT (id) DO NOTHING;
