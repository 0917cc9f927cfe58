-- Store one job that nothing holds back: push.sql without what a batch needs, which costs a single job a third.
WITH clock AS (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now
),
pushed AS (
    INSERT INTO nuvom.jobs (
        id, task, queue, priority, run_at, state, arguments, max_crashes, created_at,
        schedule_id, schedule_name, scheduled_for, options, metadata, expires_at, backfill, context
    )
    SELECT
        :id::uuid, :task::text,
        coalesce(:queue::text, t.queue, :own_queue::text),
        coalesce(:priority::bigint, t.priority, :own_priority::bigint)::smallint,
        coalesce(:run_at::bigint, clock.now),
        CASE WHEN :run_at::bigint > clock.now THEN 'delayed' ELSE 'ready' END,
        :arguments::json,
        coalesce(:max_crashes::bigint, t.max_crashes, :own_max_crashes::bigint)::integer,
        clock.now,
        :schedule_id::uuid, :schedule_name::text, :scheduled_for::bigint, :options::json, :metadata::json,
        least(
            :expires_at::bigint,
            coalesce(:run_at::bigint, clock.now)
            + coalesce(
                :expires_in::bigint, CASE WHEN t.name IS NULL THEN :own_expires_in::bigint ELSE t.expires_in END
            )
        ),
        :backfill::boolean, :context::json
    FROM clock
    LEFT JOIN nuvom.tasks AS t ON t.name = :task::text
    WHERE t.concurrency IS NULL AND t.rate IS NULL AND t.uniqueness IS NULL
    ON CONFLICT (id) DO NOTHING
    RETURNING run_at, created_at
)
SELECT CASE WHEN run_at < created_at + :soon THEN pg_catalog.pg_notify(:channel, 'worker') END FROM pushed;
