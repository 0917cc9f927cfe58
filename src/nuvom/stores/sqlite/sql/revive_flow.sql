-- Make the flow of a job that begins anew, if it was forgotten meanwhile, with the limits that its task has now.
INSERT INTO flows (flow, task, concurrency, rate)
SELECT ?1, canonical, concurrency, rate FROM tasks
WHERE name = ?2 AND (concurrency IS NOT NULL OR rate IS NOT NULL)
ON CONFLICT (flow) DO NOTHING;
