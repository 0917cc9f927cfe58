-- An attempt succeeded; only its holder may say so.
UPDATE jobs SET state = 'succeeded', worker = NULL, finished_at = ?1, suspect = 0, value = ?2, error = ?3
WHERE seq = ?4 AND attempt = ?5 AND worker = ?6;
