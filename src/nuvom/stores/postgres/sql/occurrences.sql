-- A page of a schedule's rows, newest first; a job that is still there speaks for itself. The page is found before its
-- jobs are looked at.
SELECT
    o.schedule_id, o.nominal, o.source, o.outcome, o.reason, o.job_id, o.lateness, o.recorded_at, o.last, o.count,
    coalesce(o.job_status, jobs.state), coalesce(o.job_started_at, jobs.started_at),
    coalesce(o.job_finished_at, jobs.finished_at), o.utc_offset
FROM (
    SELECT * FROM nuvom.occurrences
    WHERE schedule_id = $1::uuid AND nominal >= $2 AND nominal < $3
    ORDER BY nominal DESC, source DESC
    LIMIT $4
) AS o
LEFT JOIN nuvom.jobs ON jobs.id = o.job_id AND o.job_status IS NULL
ORDER BY o.nominal DESC, o.source DESC;
