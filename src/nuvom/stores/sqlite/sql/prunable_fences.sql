-- A step through the fences. What was declared in code has no end here: as long as its fence is there, a sync knows
-- that somebody cancelled it, or that it has run to its end.
SELECT
    schedule_id,
    CASE WHEN json_valid(definition) AND definition ->> '$.origin' = 'code' THEN NULL ELSE ended_at END
FROM fences
WHERE schedule_id > ?1
ORDER BY schedule_id
LIMIT ?2;
