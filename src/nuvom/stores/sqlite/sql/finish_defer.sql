-- The task asked for a later time.
UPDATE jobs SET state = 'delayed', worker = NULL, run_at = ?1, defers = defers + 1
WHERE seq = ?2 AND attempt = ?3 AND worker = ?4;
