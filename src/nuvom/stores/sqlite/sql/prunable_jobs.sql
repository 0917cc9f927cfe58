-- A step through the oldest jobs, up to those too young to have ended long enough ago.
SELECT seq, state, created_at, finished_at FROM jobs WHERE seq > ?1 ORDER BY seq LIMIT ?2;
