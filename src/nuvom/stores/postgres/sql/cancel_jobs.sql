-- Jobs that wait are cancelled; their rows are held.
UPDATE nuvom.jobs SET state = 'cancelled', finished_at = $2, waits_for = NULL WHERE seq = ANY ($1::bigint[]);
