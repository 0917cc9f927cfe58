-- Add to what ended in some queues within a slice of time.
INSERT INTO nuvom.throughput (since, queue, lane, succeeded, failed)
SELECT $1, queue, pg_catalog.pg_backend_pid() % 8, succeeded, failed
FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS said (queue, succeeded, failed)
ON CONFLICT (since, queue, lane) DO UPDATE SET
    succeeded = throughput.succeeded + excluded.succeeded, failed = throughput.failed + excluded.failed;
