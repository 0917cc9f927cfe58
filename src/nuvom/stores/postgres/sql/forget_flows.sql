-- Forget flows of which no job is open. The caller has locked their names: nobody is about to let a job into one. OFFSET keeps the
-- planner from reading all that is open for a join.
DELETE FROM nuvom.flows
WHERE flow = ANY ($1::text[])
    AND NOT EXISTS (
        SELECT 1 FROM nuvom.jobs
        WHERE jobs.flow = flows.flow AND jobs.flow IS NOT NULL AND jobs.finished_at IS NULL
        OFFSET 0
    );
