-- The jobs of a key that wait give way to one that comes.
UPDATE jobs SET state = 'cancelled', finished_at = ?2, waits_for = NULL, error = ?3
WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_key
    WHERE key = ?1 AND finished_at IS NULL AND state IN ('ready', 'delayed', 'held')
)
RETURNING id, key, flow;
