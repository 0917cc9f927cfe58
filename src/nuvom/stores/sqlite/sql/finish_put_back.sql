-- Free of charge: not started, or stopped in an orderly way.
UPDATE jobs SET state = iif(flow IS NULL, 'ready', 'held'), waits_for = iif(flow IS NULL, NULL, 'flow'), worker = NULL
WHERE seq = ?1 AND attempt = ?2 AND worker = ?3;
