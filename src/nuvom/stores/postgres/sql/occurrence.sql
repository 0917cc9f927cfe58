-- One row; a job that is still there speaks for itself.
SELECT
    o.schedule_id, o.nominal, o.source, o.outcome, o.reason, o.job_id, o.lateness, o.recorded_at, o.last, o.count,
    coalesce(o.job_status, jobs.state), coalesce(o.job_started_at, jobs.started_at),
    coalesce(o.job_finished_at, jobs.finished_at), o.utc_offset
FROM nuvom.occurrences AS o
LEFT JOIN nuvom.jobs ON jobs.id = o.job_id AND o.job_status IS NULL
WHERE o.schedule_id = $1::uuid AND o.nominal = $2 AND o.source = $3;
