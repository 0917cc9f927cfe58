-- A page of schedules, newest first. The last one of the page before may be gone by now: its fence knows where it was.
-- Metadata that jsonb cannot hold, NUL and halves of a surrogate pair, equals nothing that can be asked for.
SELECT
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor,
    next_nominal, next_run, catch_up, state, note, origin, generation, run_count, options, defaults,
    metadata, tzdata, created_at, updated_at, unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter,
    paused_at, overridden
FROM nuvom.schedules
WHERE (:task::text IS NULL OR task = :task)
    AND (:state::text IS NULL OR state = :state)
    AND (:pattern::text IS NULL OR name LIKE :pattern)
    AND (:origin::text IS NULL OR origin = :origin)
    AND (:metadata::text IS NULL OR CASE
        WHEN :metadata ~ '\\u(0000|[dD][89a-fA-F])' THEN false
        WHEN metadata::text ~ '\\u(0000|[dD][89a-fA-F])' THEN false
        ELSE metadata::jsonb @> :metadata::jsonb
    END)
    AND seq < coalesce(
        (SELECT last.seq FROM nuvom.schedules AS last WHERE last.id = :before::uuid),
        (SELECT fences.place FROM nuvom.fences WHERE fences.schedule_id = :before::uuid),
        CASE WHEN :before::uuid IS NULL THEN 9223372036854775807 END
    )
ORDER BY seq DESC
LIMIT :limit;
