-- Add to what ended in a queue within a slice of time.
INSERT INTO throughput (since, queue, succeeded, failed) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (since, queue) DO UPDATE SET
    succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed;
