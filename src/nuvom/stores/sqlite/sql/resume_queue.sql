-- Jobs of this queue are claimed again.
DELETE FROM paused_queues WHERE queue = ?1;
