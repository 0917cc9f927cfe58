-- What an orderly process still held is ready again, free of charge.
UPDATE jobs INDEXED BY jobs_running SET state = 'ready', worker = NULL WHERE worker = ?1 AND state = 'running';
