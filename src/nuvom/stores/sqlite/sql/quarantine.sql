-- Set a schedule aside that cannot be read or planned, if it still is what was read. ?3: any next_run when NULL.
UPDATE schedules
SET state = 'quarantined', note = ?5, generation = ?4, updated_at = ?6
WHERE id = ?1 AND generation = ?2 AND (?3 IS NULL OR next_run = ?3) AND state <> 'quarantined';
