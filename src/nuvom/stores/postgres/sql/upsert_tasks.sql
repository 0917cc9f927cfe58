-- What a worker reports of its tasks.
INSERT INTO nuvom.tasks (
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key, signature,
    updated_at
)
SELECT
    name, canonical, queue, priority::smallint, max_crashes::integer, expires_in, concurrency::integer, rate, uniqueness,
    flow_key, signature, :now
FROM unnest(
    :name::text[], :canonical::text[], :queue::text[], :priority::bigint[], :max_crashes::bigint[],
    :expires_in::bigint[], :concurrency::bigint[], :rate::text[], :uniqueness::text[], :flow_key::text[],
    :signature::text[]
) AS said (
    name, canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key, signature
)
ON CONFLICT (name) DO UPDATE SET
    canonical = excluded.canonical, queue = excluded.queue, priority = excluded.priority,
    max_crashes = excluded.max_crashes, expires_in = excluded.expires_in, concurrency = excluded.concurrency,
    rate = excluded.rate, uniqueness = excluded.uniqueness, flow_key = excluded.flow_key,
    signature = excluded.signature, updated_at = excluded.updated_at;
