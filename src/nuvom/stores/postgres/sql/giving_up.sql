-- Jobs that were never started in time, those due the longest first.
SELECT seq, key, flow FROM nuvom.jobs
WHERE expires_at IS NOT NULL AND expires_at <= $1 AND attempt = 0 AND finished_at IS NULL
ORDER BY expires_at LIMIT $2;
