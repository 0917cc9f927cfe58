-- Forget an occurrence, unless its job was retried since it was read.
DELETE FROM occurrences
WHERE schedule_id = ?1 AND nominal = ?2 AND source = ?3
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = job_id AND finished_at IS NULL);
