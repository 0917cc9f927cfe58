-- They woke, or gave up; ?1 holds the ids of the jobs.
WITH RECURSIVE places (place) AS (
    SELECT 1 WHERE length(?1) > 0
    UNION ALL
    SELECT place + 16 FROM places WHERE place + 16 <= length(?1)
)
DELETE FROM waiters WHERE port = ?2 AND job_id IN (SELECT substr(?1, place, 16) FROM places);
