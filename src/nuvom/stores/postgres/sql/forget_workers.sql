-- Rows of processes that are long dead and hold nothing.
DELETE FROM nuvom.workers
WHERE beat_at < $1::bigint - $2::bigint AND lease_until <= $1
    AND NOT EXISTS (SELECT 1 FROM nuvom.jobs WHERE worker = workers.id AND state = 'running');
