-- Store jobs in their order; an id that is there stays as it is.
INSERT INTO nuvom.jobs (
    id, task, queue, priority, run_at, state, arguments, max_crashes, key, created_at, schedule_id, schedule_name,
    scheduled_for, options, metadata, expires_at, backfill, waits_for, context, flow, unique_key, unique_until
)
SELECT
    id, task, queue, priority::smallint, run_at, state, arguments::json, max_crashes::integer, key, :now, schedule_id,
    schedule_name, scheduled_for, options::json, metadata::json, expires_at, backfill, waits_for, context::json, flow,
    unique_key, unique_until
FROM unnest(
    :id::uuid[], :task::text[], :queue::text[], :priority::bigint[], :run_at::bigint[], :state::text[],
    :arguments::text[], :max_crashes::bigint[], :key::text[], :schedule_id::uuid[], :schedule_name::text[],
    :scheduled_for::bigint[], :options::text[], :metadata::text[], :expires_at::bigint[], :backfill::boolean[],
    :waits_for::text[], :context::text[], :flow::text[], :unique_key::text[], :unique_until::bigint[]
) WITH ORDINALITY AS said (
    id, task, queue, priority, run_at, state, arguments, max_crashes, key, schedule_id, schedule_name, scheduled_for,
    options, metadata, expires_at, backfill, waits_for, context, flow, unique_key, unique_until, place
)
ORDER BY place
ON CONFLICT (id) DO NOTHING
RETURNING id;
