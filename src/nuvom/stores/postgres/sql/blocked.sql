-- Which schedules may start no other run now: one is open (skip), or one waits already, or one is open that does not
-- know of the others because the schedule allowed overlap when it was dispatched (queue_one; cancel_other, too, which
-- cancels those that wait). Backfills do not count.
-- All open runs are looked at, which are few: told to stop at the first, the planner may begin at the wrong end.
SELECT asked.id
FROM unnest($1::uuid[], $2::text[]) AS asked (id, overlap)
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(
        asked.overlap = 'skip' OR jobs.key IS NULL OR (asked.overlap = 'queue_one' AND jobs.waits_for = 'key')
    ) AS found
    FROM nuvom.jobs
    WHERE jobs.schedule_id = asked.id AND jobs.schedule_id IS NOT NULL AND jobs.finished_at IS NULL
        AND NOT jobs.backfill
) AS open
WHERE open.found;
