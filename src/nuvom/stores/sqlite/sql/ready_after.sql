-- Whether anything that a worker may take was inserted after the row that was the newest.
SELECT EXISTS (SELECT 1 FROM jobs WHERE seq > ?1 AND state = 'ready');
