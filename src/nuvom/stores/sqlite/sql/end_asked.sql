-- A job that was asked to stop and does not run any more goes on no further.
UPDATE jobs SET state = 'cancelled', finished_at = ?1, waits_for = NULL
WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_asked
    WHERE worker IS NULL AND cancel_at IS NOT NULL AND finished_at IS NULL AND state <> 'running'
)
RETURNING id, key, flow;
