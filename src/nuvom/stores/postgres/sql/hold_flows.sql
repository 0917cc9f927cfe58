-- Nothing of the flows that got other limits may start before they are opened.
UPDATE nuvom.jobs SET state = 'held', waits_for = 'flow'
WHERE state = 'ready' AND seq = ANY (ARRAY(
    SELECT jobs.seq FROM nuvom.flows
    JOIN nuvom.jobs ON jobs.flow = flows.flow AND jobs.finished_at IS NULL AND jobs.state = 'ready'
    WHERE flows.task = ANY (:task::text[]) AND flows.opens_at = :now
));
