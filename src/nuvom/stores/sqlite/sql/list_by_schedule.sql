-- A schedule's jobs, newest first: of those that ended and of those that did not, of backfills and of others, the
-- newest, each by the index's order.
WITH newest (seq) AS (
    SELECT seq FROM jobs INDEXED BY jobs_schedule
    WHERE schedule_id = :schedule_id AND (finished_at IS NULL) = 0 AND backfill = 0 AND seq < :before
        AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
        AND (:task IS NULL OR task = :task)
        AND (:queue IS NULL OR queue = :queue)
    UNION ALL
    SELECT seq FROM jobs INDEXED BY jobs_schedule
    WHERE schedule_id = :schedule_id AND (finished_at IS NULL) = 0 AND backfill = 1 AND seq < :before
        AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
        AND (:task IS NULL OR task = :task)
        AND (:queue IS NULL OR queue = :queue)
    UNION ALL
    SELECT seq FROM jobs INDEXED BY jobs_schedule
    WHERE schedule_id = :schedule_id AND (finished_at IS NULL) = 1 AND backfill = 0 AND seq < :before
        AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
        AND (:task IS NULL OR task = :task)
        AND (:queue IS NULL OR queue = :queue)
    UNION ALL
    SELECT seq FROM jobs INDEXED BY jobs_schedule
    WHERE schedule_id = :schedule_id AND (finished_at IS NULL) = 1 AND backfill = 1 AND seq < :before
        AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
        AND (:task IS NULL OR task = :task)
        AND (:queue IS NULL OR queue = :queue)
    ORDER BY seq DESC
    LIMIT :limit
)
SELECT
    id, task, arguments, queue, priority, state, run_at, created_at, started_at, finished_at, attempt, errors, retries,
    crashes, max_crashes, defers, suspect, worker, key, schedule_id, schedule_name, scheduled_for, value, error, options,
    metadata, waits_for, flow, cancel_at, progress, expires_at, context
FROM newest
CROSS JOIN jobs ON jobs.seq = newest.seq
ORDER BY jobs.seq DESC;
