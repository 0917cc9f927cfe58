-- What a worker runs that somebody asked to stop.
SELECT seq, attempt FROM nuvom.jobs
WHERE worker = $1 AND cancel_at IS NOT NULL AND finished_at IS NULL AND state = 'running'
ORDER BY seq;
