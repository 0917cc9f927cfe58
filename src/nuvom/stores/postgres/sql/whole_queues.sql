-- All that is kept of some paused queues.
SELECT
    queue, since, note
FROM nuvom.paused_queues
WHERE queue = ANY ($1::text[]);
