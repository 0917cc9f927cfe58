-- Whether a schedule may start no other run now: one is open (skip), or one waits already, or one is open that does not
-- know of the others because the schedule allowed overlap when it was dispatched (queue_one; cancel_other, too, which
-- cancels those that wait). Backfills do not count.
SELECT 1 FROM jobs INDEXED BY jobs_schedule
WHERE schedule_id = ?1 AND (finished_at IS NULL) = 1 AND backfill = 0
    AND (?2 = 'skip' OR key IS NULL OR (?2 = 'queue_one' AND waits_for = 'key'))
LIMIT 1;
