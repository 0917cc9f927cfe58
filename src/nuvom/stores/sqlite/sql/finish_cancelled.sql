-- An attempt ended because it was asked to stop.
UPDATE jobs SET state = 'cancelled', worker = NULL, finished_at = ?1, suspect = 0, error = ?2
WHERE seq = ?3 AND attempt = ?4 AND worker = ?5;
