-- The next keys of all paused queues.
SELECT queue FROM paused_queues WHERE queue > ?1 ORDER BY queue LIMIT ?2;
