-- What bounds some flows, what their rates count, how many of their jobs may start or run, and whether any waits.
SELECT
    coalesce($2::bigint, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint),
    wanted.flow, flows.flow IS NOT NULL, flows.concurrency, flows.rate, coalesce(flows.openings, 0), flows.starts,
    flows.opens_at, flows.shut_at,
    (SELECT count(*) FROM nuvom.jobs WHERE flow = wanted.flow AND finished_at IS NULL AND state = 'ready'),
    (SELECT count(*) FROM nuvom.jobs WHERE flow = wanted.flow AND finished_at IS NULL AND state = 'running'),
    (SELECT 1 FROM nuvom.jobs WHERE flow = wanted.flow AND waits_for = 'flow' LIMIT 1) IS NOT NULL
FROM pg_catalog.unnest($1::text[]) AS wanted (flow)
LEFT JOIN nuvom.flows ON flows.flow = wanted.flow;
