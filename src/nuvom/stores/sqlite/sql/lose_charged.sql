-- A suspect ran alone and was lost: it pays, and may be run again.
UPDATE jobs SET state = 'ready', worker = NULL, crashes = ?1, error = ?2 WHERE seq = ?3;
