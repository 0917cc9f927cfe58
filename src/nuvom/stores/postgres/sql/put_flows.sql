-- Make flows, or give them other limits.
INSERT INTO nuvom.flows (flow, task, concurrency, rate)
SELECT flow, task, concurrency::integer, rate
FROM unnest(:flow::text[], :task::text[], :concurrency::bigint[], :rate::text[]) AS said (flow, task, concurrency, rate)
ON CONFLICT (flow) DO UPDATE SET concurrency = excluded.concurrency, rate = excluded.rate
WHERE flows.concurrency IS DISTINCT FROM excluded.concurrency OR flows.rate IS DISTINCT FROM excluded.rate;
