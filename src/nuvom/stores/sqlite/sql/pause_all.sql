-- Pause every active schedule, and give each the generation that a change of its own would have given it.
UPDATE schedules
SET state = 'paused', note = ?1, paused_at = ?2, updated_at = ?2, generation = max(generation + 1, ?2)
WHERE state = 'active';
