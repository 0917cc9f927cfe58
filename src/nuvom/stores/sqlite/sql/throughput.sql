-- What ended in each queue since ?2, and of that since ?1; what lies ahead of a clock that was set back is left out.
SELECT
    queue,
    sum(CASE WHEN since > ?1 THEN succeeded ELSE 0 END), sum(CASE WHEN since > ?1 THEN failed ELSE 0 END),
    sum(succeeded), sum(failed)
FROM throughput
WHERE since > ?2 AND since <= ?3
GROUP BY queue
ORDER BY queue;
