-- Somebody sleeps until some jobs are final, ?1 being their ids; the rows are bounded in case they never wake.
WITH RECURSIVE places (place) AS (
    SELECT 1 WHERE length(?1) > 0
    UNION ALL
    SELECT place + 16 FROM places WHERE place + 16 <= length(?1)
)
INSERT OR REPLACE INTO waiters (job_id, port, until) SELECT substr(?1, place, 16), ?2, ?3 FROM places;
