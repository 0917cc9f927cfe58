-- Forget a job that ended long enough ago, and with it its attempts; one that was retried since it was read stays.
DELETE FROM jobs WHERE seq = ?1 AND finished_at < ?2;
