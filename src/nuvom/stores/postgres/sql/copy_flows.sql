-- Store flows as they were elsewhere; what is there stays.
INSERT INTO nuvom.flows (
    flow, task, concurrency, rate, openings, starts, opens_at, shut_at
)
SELECT
    said.flow, said.task, said.concurrency::integer, said.rate, said.openings::integer, said.starts, said.opens_at,
    said.shut_at
FROM unnest(
    :flow::text[], :task::text[], :concurrency::bigint[], :rate::text[], :openings::bigint[], :starts::text[],
    :opens_at::bigint[], :shut_at::bigint[]
) WITH ORDINALITY AS said (
    flow, task, concurrency, rate, openings, starts, opens_at, shut_at, place
)
ORDER BY said.place
ON CONFLICT (flow) DO NOTHING
RETURNING 1;
