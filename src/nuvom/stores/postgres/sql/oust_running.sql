-- The jobs of keys that run are asked to stop for one that comes.
UPDATE nuvom.jobs SET cancel_at = coalesce(cancel_at, $2)
WHERE key = ANY ($1::text[]) AND key IS NOT NULL AND finished_at IS NULL AND state = 'running'
RETURNING seq;
