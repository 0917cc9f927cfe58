-- A job that waits is cancelled.
UPDATE jobs SET state = 'cancelled', finished_at = :now, waits_for = NULL
WHERE id = :id AND state IN ('ready', 'delayed', 'held')
RETURNING key, flow;
