-- Make a flow, or give it other limits.
INSERT INTO flows (flow, task, concurrency, rate) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (flow) DO UPDATE SET concurrency = excluded.concurrency, rate = excluded.rate
WHERE concurrency IS NOT excluded.concurrency OR rate IS NOT excluded.rate;
