-- Pause every active schedule, and give each the generation that a change of its own would have given it.
WITH paused AS (
    UPDATE nuvom.schedules
    SET state = 'paused', note = $1, paused_at = $2, updated_at = $2, generation = greatest(generation + 1, $2)
    WHERE state = 'active'
    RETURNING 1
)
SELECT count(*) FROM paused;
