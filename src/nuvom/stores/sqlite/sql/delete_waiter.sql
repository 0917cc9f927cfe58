-- They woke.
DELETE FROM waiters WHERE job_id = :id AND port = :port;
