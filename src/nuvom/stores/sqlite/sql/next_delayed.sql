-- When the next delayed job is due, the next one gives up, and the next flow opens; 0 for one whose time was set before
-- the clock was set back.
SELECT
    (SELECT min(run_at) FROM jobs INDEXED BY jobs_delayed WHERE state = 'delayed'),
    (SELECT min(expires_at) FROM jobs INDEXED BY jobs_expiring
     WHERE expires_at IS NOT NULL AND attempt = 0 AND finished_at IS NULL),
    (SELECT min(opens_at) FROM flows INDEXED BY flows_opening WHERE opens_at IS NOT NULL),
    (SELECT 0 FROM flows INDEXED BY flows_shut WHERE shut_at > ?1 LIMIT 1);
