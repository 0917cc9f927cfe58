-- Store jobs that nothing holds back, and wake workers if one is due soon; an id that is there stays as it is. Nothing at all is stored if
-- a task among them has limits or is unique, which takes more than one statement.
WITH pushed AS (
    INSERT INTO nuvom.jobs (
        id, task, queue, priority, run_at, state, arguments, max_crashes, created_at,
        schedule_id, schedule_name, scheduled_for, options, metadata, expires_at, backfill, context
    )
    SELECT
        said.id, said.task,
        coalesce(said.queue, t.queue, said.own_queue),
        coalesce(said.priority, t.priority, said.own_priority)::smallint,
        coalesce(said.run_at, clock.now),
        CASE WHEN said.run_at > clock.now THEN 'delayed' ELSE 'ready' END,
        said.arguments::json,
        coalesce(said.max_crashes, t.max_crashes, said.own_max_crashes)::integer,
        clock.now,
        said.schedule_id, said.schedule_name, said.scheduled_for, said.options::json, said.metadata::json,
        least(
            said.expires_at,
            coalesce(said.run_at, clock.now)
            + coalesce(said.expires_in, CASE WHEN t.name IS NULL THEN said.own_expires_in ELSE t.expires_in END)
        ),
        said.backfill, said.context::json
    FROM unnest(
        :id::uuid[], :task::text[], :queue::text[], :priority::bigint[], :run_at::bigint[], :arguments::text[],
        :max_crashes::bigint[], :schedule_id::uuid[], :schedule_name::text[], :scheduled_for::bigint[],
        :options::text[], :metadata::text[], :expires_at::bigint[], :expires_in::bigint[], :backfill::boolean[],
        :context::text[], :own_queue::text[], :own_priority::bigint[], :own_max_crashes::bigint[],
        :own_expires_in::bigint[]
    ) WITH ORDINALITY AS said (
        id, task, queue, priority, run_at, arguments, max_crashes, schedule_id, schedule_name, scheduled_for,
        options, metadata, expires_at, expires_in, backfill, context, own_queue, own_priority, own_max_crashes,
        own_expires_in, place
    )
    CROSS JOIN (
        SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now
    ) AS clock
    LEFT JOIN nuvom.tasks AS t ON t.name = said.task
    WHERE NOT EXISTS (
        SELECT 1 FROM nuvom.tasks
        WHERE name = ANY (:tasks::text[])
            AND (concurrency IS NOT NULL OR rate IS NOT NULL OR uniqueness IS NOT NULL)
    )
    ORDER BY said.place
    ON CONFLICT (id) DO NOTHING
    RETURNING id, run_at, created_at
)
SELECT
    count(*),
    CASE WHEN count(*) < :wanted THEN pg_catalog.array_agg(id) END,
    CASE
        WHEN count(*) FILTER (WHERE run_at < created_at + :soon) > 0 THEN pg_catalog.pg_notify(:channel, 'worker')
    END
FROM pushed;
