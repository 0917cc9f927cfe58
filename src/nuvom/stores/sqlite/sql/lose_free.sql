-- The first loss is free: a neighbour may have brought the process down.
UPDATE jobs SET state = 'ready', worker = NULL, suspect = 1 WHERE seq = ?1;
