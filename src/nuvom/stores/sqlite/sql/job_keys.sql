-- The next ids of all jobs, in the order in which they came.
SELECT seq, id FROM jobs WHERE seq > ?1 ORDER BY seq LIMIT ?2;
