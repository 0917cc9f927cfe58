-- Of the jobs that wait for a flow, the first of one priority may start; each priority has its turn, so that none starves.
WITH RECURSIVE present (priority) AS (
    SELECT (
        SELECT priority FROM jobs INDEXED BY jobs_held
        WHERE flow = ?1 AND waits_for = 'flow' ORDER BY priority DESC LIMIT 1
    )
    UNION
    SELECT (
        SELECT priority FROM jobs INDEXED BY jobs_held
        WHERE flow = ?1 AND waits_for = 'flow' AND priority < present.priority ORDER BY priority DESC LIMIT 1
    )
    FROM present
    WHERE present.priority IS NOT NULL
)
UPDATE jobs SET state = 'ready', waits_for = NULL
WHERE seq = (
    SELECT seq FROM jobs INDEXED BY jobs_held
    WHERE flow = ?1 AND waits_for = 'flow' AND priority = (
        SELECT priority FROM present WHERE priority IS NOT NULL
        ORDER BY priority LIMIT 1 OFFSET ?2 % (SELECT max(1, count(priority)) FROM present)
    )
    ORDER BY run_at, seq LIMIT 1
)
RETURNING seq;
