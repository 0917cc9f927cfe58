-- What became of a job is kept on its occurrence, which outlives it. The job is found by its seq and no other way.
UPDATE occurrences
SET job_status = jobs.state, job_started_at = jobs.started_at, job_finished_at = jobs.finished_at
FROM jobs NOT INDEXED
WHERE jobs.seq = ?1
    AND jobs.finished_at < ?2
    AND occurrences.schedule_id = jobs.schedule_id
    AND occurrences.nominal = jobs.scheduled_for
    AND occurrences.job_id = jobs.id;
