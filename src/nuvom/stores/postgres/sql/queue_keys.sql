-- The next keys of all paused queues.
SELECT queue FROM nuvom.paused_queues WHERE queue > $1::text ORDER BY queue LIMIT $2;
