-- Store tasks as they were elsewhere; what is there stays. No worker reported them here yet.
INSERT INTO nuvom.tasks (
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key, signature,
    updated_at
)
SELECT
    said.name, said.canonical, said.queue, said.priority::smallint, said.max_crashes::integer, said.expires_in,
    said.concurrency::integer, said.rate, said.uniqueness, said.flow_key, said.signature, 0
FROM unnest(
    :name::text[], :canonical::text[], :queue::text[], :priority::bigint[], :max_crashes::bigint[],
    :expires_in::bigint[], :concurrency::bigint[], :rate::text[], :uniqueness::text[], :flow_key::text[],
    :signature::text[]
) WITH ORDINALITY AS said (
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key, signature,
    place
)
ORDER BY said.place
ON CONFLICT (name) DO NOTHING
RETURNING 1;
