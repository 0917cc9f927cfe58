-- A step through the ledger with what decides about each row here: its job, and how often its schedule runs. Each is
-- looked for by its key, whatever the planner thinks of the sizes of the tables.
SELECT
    step.schedule_id, step.nominal, step.source, step.outcome, step.recorded_at,
    coalesce(step.job_status, (SELECT jobs.state FROM nuvom.jobs WHERE jobs.id = step.job_id)),
    (SELECT schedules.interval FROM nuvom.schedules WHERE schedules.id = step.schedule_id),
    (SELECT schedules.cron FROM nuvom.schedules WHERE schedules.id = step.schedule_id)
FROM (
    SELECT schedule_id, nominal, source, outcome, job_id, job_status, recorded_at FROM nuvom.occurrences
    WHERE (schedule_id, nominal, source) > ($1::uuid, $2::bigint, $3::text)
    ORDER BY schedule_id, nominal, source
    LIMIT $4
) AS step
ORDER BY step.schedule_id, step.nominal, step.source;
