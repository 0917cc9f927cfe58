-- Make the flows of jobs that begin anew, where they were forgotten meanwhile, with the limits that their tasks have now.
INSERT INTO nuvom.flows (flow, task, concurrency, rate)
SELECT said.flow, tasks.canonical, tasks.concurrency, tasks.rate
FROM unnest($1::text[], $2::text[]) AS said (flow, task)
JOIN nuvom.tasks ON tasks.name = said.task
WHERE tasks.concurrency IS NOT NULL OR tasks.rate IS NOT NULL
ON CONFLICT (flow) DO NOTHING;
