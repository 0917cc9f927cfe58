-- A step through the oldest jobs, up to those too young to have ended long enough ago.
-- All but the newest, whose successor gets the next number (https://www.sqlite.org/autoinc.html).
-- By seq and no other way: after an ANALYZE of a nearly empty table the planner would read and sort all of it.
SELECT seq, state, created_at, finished_at, unique_until FROM jobs NOT INDEXED
WHERE seq > ?1 AND seq < (SELECT max(seq) FROM jobs)
ORDER BY seq
LIMIT ?2;
