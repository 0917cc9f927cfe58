-- A row that does not decode ends here, so that the rest goes on; it is held.
UPDATE nuvom.jobs SET state = 'failed', worker = NULL, finished_at = $1, suspect = false, error = $2::json
WHERE seq = $3;
