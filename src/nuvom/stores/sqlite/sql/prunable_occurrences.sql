-- A step through the ledger with what decides about each row: its job, and the schedule's life here or elsewhere.
-- The index on schedules.id is named: after an ANALYZE of a nearly empty table the planner would read all of it.
WITH step AS (
    SELECT schedule_id, nominal, source, outcome, job_id, job_status, recorded_at
    FROM occurrences
    WHERE (schedule_id, nominal, source) > (?1, ?2, ?3)
    ORDER BY schedule_id, nominal, source
    LIMIT ?4
)
SELECT
    step.schedule_id, step.nominal, step.source, step.outcome, step.recorded_at,
    coalesce(step.job_status, jobs.state),
    fences.ended_at IS NOT NULL,
    coalesce(schedules.interval, CASE WHEN json_valid(fences.definition) THEN fences.definition ->> '$.interval' END),
    coalesce(schedules.cron, CASE WHEN json_valid(fences.definition) THEN fences.definition ->> '$.cron' END)
FROM step
LEFT JOIN jobs ON jobs.id = step.job_id
LEFT JOIN schedules INDEXED BY sqlite_autoindex_schedules_1 ON schedules.id = step.schedule_id
LEFT JOIN fences ON fences.schedule_id = step.schedule_id
ORDER BY step.schedule_id, step.nominal, step.source;
