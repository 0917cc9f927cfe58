-- Free of charge: not started, or stopped in an orderly way.
UPDATE jobs SET state = 'ready', worker = NULL WHERE seq = ?1 AND attempt = ?2 AND worker = ?3;
