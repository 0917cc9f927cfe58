-- Store jobs as they were elsewhere; what is there stays.
INSERT INTO nuvom.jobs (
    id, task, queue, priority, run_at, state, arguments, attempt, errors, retries, crashes, max_crashes, defers,
    suspect, key, created_at, started_at, finished_at, schedule_id, schedule_name, scheduled_for, value, error,
    options, metadata, expires_at, backfill, waits_for, flow, unique_key, unique_until, cancel_at, progress, context
)
SELECT
    said.id, said.task, said.queue, said.priority::smallint, said.run_at, said.state, said.arguments::json,
    said.attempt::integer, said.errors::integer, said.retries::integer, said.crashes::integer,
    said.max_crashes::integer, said.defers::integer, said.suspect, said.key, said.created_at, said.started_at,
    said.finished_at, said.schedule_id, said.schedule_name, said.scheduled_for, said.value::json, said.error::json,
    said.options::json, said.metadata::json, said.expires_at, said.backfill, said.waits_for, said.flow,
    said.unique_key, said.unique_until, said.cancel_at, said.progress::json, said.context::json
FROM unnest(
    :id::uuid[], :task::text[], :queue::text[], :priority::bigint[], :run_at::bigint[], :state::text[],
    :arguments::text[], :attempt::bigint[], :errors::bigint[], :retries::bigint[], :crashes::bigint[],
    :max_crashes::bigint[], :defers::bigint[], :suspect::boolean[], :key::text[], :created_at::bigint[],
    :started_at::bigint[], :finished_at::bigint[], :schedule_id::uuid[], :schedule_name::text[],
    :scheduled_for::bigint[], :value::text[], :error::text[], :options::text[], :metadata::text[],
    :expires_at::bigint[], :backfill::boolean[], :waits_for::text[], :flow::text[], :unique_key::text[],
    :unique_until::bigint[], :cancel_at::bigint[], :progress::text[], :context::text[]
) WITH ORDINALITY AS said (
    id, task, queue, priority, run_at, state, arguments, attempt, errors, retries, crashes, max_crashes, defers,
    suspect, key, created_at, started_at, finished_at, schedule_id, schedule_name, scheduled_for, value, error,
    options, metadata, expires_at, backfill, waits_for, flow, unique_key, unique_until, cancel_at, progress, context,
    place
)
ORDER BY said.place
ON CONFLICT (id) DO NOTHING
RETURNING seq, id;
