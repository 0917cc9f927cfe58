-- Jobs of this queue are claimed again, and workers hear of it.
WITH resumed AS (
    DELETE FROM nuvom.paused_queues WHERE queue = :queue RETURNING queue
)
SELECT pg_catalog.pg_notify(:channel, 'worker') FROM resumed;
