-- What this transaction inserted after the row that was the newest.
SELECT id FROM jobs WHERE seq > ?1;
