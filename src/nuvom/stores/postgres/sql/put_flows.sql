-- Make flows, or give them other limits: those that workers report of their tasks now, when their names are locked, else
-- what is said.
INSERT INTO nuvom.flows (flow, task, concurrency, rate)
SELECT
    said.flow, said.canonical,
    CASE WHEN tasks.name IS NULL THEN said.concurrency ELSE tasks.concurrency END::integer,
    CASE WHEN tasks.name IS NULL THEN said.rate ELSE tasks.rate END
FROM unnest(:flow::text[], :task::text[], :canonical::text[], :concurrency::bigint[], :rate::text[])
    AS said (flow, task, canonical, concurrency, rate)
LEFT JOIN nuvom.tasks ON tasks.name = said.task
ON CONFLICT (flow) DO UPDATE SET concurrency = excluded.concurrency, rate = excluded.rate
WHERE flows.concurrency IS DISTINCT FROM excluded.concurrency OR flows.rate IS DISTINCT FROM excluded.rate;
