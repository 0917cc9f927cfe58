-- Nothing of a task's flows may start before they are opened with their new limits.
UPDATE jobs SET state = 'held', waits_for = 'flow'
WHERE seq IN (
    SELECT jobs.seq FROM flows INDEXED BY flows_task
    CROSS JOIN jobs INDEXED BY jobs_flow
        ON jobs.flow = flows.flow AND jobs.finished_at IS NULL AND jobs.state = 'ready'
    WHERE flows.task = ?1 AND flows.opens_at = ?2
);
