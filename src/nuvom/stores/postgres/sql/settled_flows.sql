-- Flows that only their concurrency bounds: a job that starts leaves as much room as there was.
SELECT flow FROM nuvom.flows WHERE flow = ANY ($1::text[]) AND rate IS NULL AND concurrency <= $2;
