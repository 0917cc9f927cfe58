-- A step through the oldest jobs, up to those too young to have ended long enough ago; all but the newest.
SELECT seq, state, created_at, finished_at, unique_until FROM nuvom.jobs
WHERE seq > $1 AND seq < (SELECT newest.seq FROM nuvom.jobs AS newest ORDER BY newest.seq DESC LIMIT 1)
ORDER BY seq
LIMIT $2;
