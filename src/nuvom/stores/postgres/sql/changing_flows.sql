-- Whether the limits of tasks are other ones than their flows have.
SELECT 1
FROM nuvom.flows
JOIN unnest(:task::text[], :concurrency::bigint[], :rate::text[]) AS said (task, concurrency, rate)
    ON flows.task = said.task
WHERE flows.concurrency IS DISTINCT FROM said.concurrency OR flows.rate IS DISTINCT FROM said.rate
LIMIT 1;
