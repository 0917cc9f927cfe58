-- A row that does not decode ends here, so that the rest goes on.
UPDATE nuvom.jobs SET state = 'failed', worker = NULL, finished_at = $1, suspect = false, error = $2::json
WHERE seq = $3 AND state = 'running';
