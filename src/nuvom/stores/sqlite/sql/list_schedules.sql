-- A page of schedules, newest first. The last one of the page before may be gone by now: its fence knows where it was.
SELECT
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor,
    next_nominal, next_run, catch_up, state, note, origin, generation, run_count, options, defaults,
    metadata, tzdata, created_at, updated_at, unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter,
    paused_at, overridden
FROM schedules
WHERE (?1 IS NULL OR task = ?1)
    AND (?2 IS NULL OR state = ?2)
    AND (?3 IS NULL OR name GLOB ?3)
    AND (?6 IS NULL OR origin = ?6)
    AND (?7 IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_each(?7) AS wanted
        WHERE NOT EXISTS (
            SELECT 1 FROM json_each(metadata) AS held
            WHERE held.key = wanted.key AND held.type = wanted.type AND held.atom IS wanted.atom
        )
    ))
    AND seq < coalesce(
        (SELECT last.seq FROM schedules AS last WHERE last.id = ?4),
        (SELECT place FROM fences WHERE schedule_id = ?4),
        iif(?4 IS NULL, 9223372036854775807, NULL)
    )
ORDER BY seq DESC
LIMIT ?5;
