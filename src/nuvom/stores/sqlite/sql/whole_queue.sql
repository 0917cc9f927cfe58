-- All that is kept of a paused queue.
SELECT
    queue, since, note
FROM paused_queues
WHERE queue = ?1;
