-- Give the flows of tasks their new limits; each is opened anew as soon as it can be.
UPDATE nuvom.flows
SET concurrency = said.concurrency::integer, rate = said.rate, opens_at = :now, shut_at = :now
FROM unnest(:task::text[], :concurrency::bigint[], :rate::text[]) AS said (task, concurrency, rate)
WHERE flows.task = said.task
    AND (flows.concurrency IS DISTINCT FROM said.concurrency OR flows.rate IS DISTINCT FROM said.rate);
