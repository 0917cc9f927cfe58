-- A schedule's open runs: as many as are asked for, because a count of all would read them all.
SELECT count(*) FROM (
    SELECT 1 FROM jobs INDEXED BY jobs_schedule
    WHERE schedule_id = ?1 AND (finished_at IS NULL) = 1 AND backfill = 0
    LIMIT ?2
);
