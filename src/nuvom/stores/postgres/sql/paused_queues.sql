-- Queues of which nothing is claimed; few.
SELECT queue, since, note FROM nuvom.paused_queues ORDER BY queue;
