-- A schedule's open runs: as many as are asked for, because a count of all would read them all.
SELECT count(*) FROM (
    SELECT 1 FROM nuvom.jobs
    WHERE schedule_id = $1::uuid AND schedule_id IS NOT NULL AND finished_at IS NULL AND NOT backfill
    LIMIT $2
) AS open;
