-- Somebody sleeps until a job is final; the row is bounded in case they never wake.
INSERT OR REPLACE INTO waiters (job_id, port, until) VALUES (:id, :port, :until);
