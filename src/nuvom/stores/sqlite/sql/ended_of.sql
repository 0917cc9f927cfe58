-- Which of some jobs are final, or not there at all; ?1 holds their ids one after the other, 16 bytes each.
WITH RECURSIVE places (place) AS (
    SELECT 1 WHERE length(?1) > 0
    UNION ALL
    SELECT place + 16 FROM places WHERE place + 16 <= length(?1)
)
SELECT substr(?1, place, 16), jobs.state
FROM places
LEFT JOIN jobs ON jobs.id = substr(?1, place, 16)
WHERE jobs.id IS NULL OR jobs.finished_at IS NOT NULL;
