-- How far a running job says it is; only its holder may say so.
UPDATE jobs SET progress = ?1 WHERE seq = ?2 AND attempt = ?3 AND worker = ?4;
