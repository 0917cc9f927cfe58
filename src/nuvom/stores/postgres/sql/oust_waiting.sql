-- The jobs of keys that wait give way to one that comes.
UPDATE nuvom.jobs SET state = 'cancelled', finished_at = $2, waits_for = NULL, error = $3::json
WHERE key = ANY ($1::text[]) AND key IS NOT NULL AND finished_at IS NULL AND state IN ('ready', 'delayed', 'held')
RETURNING id, key, flow;
