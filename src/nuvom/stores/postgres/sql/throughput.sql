-- What ended in each queue since $2, and of that since $1; what lies ahead of a clock that was set back is left out.
SELECT
    queue,
    coalesce(sum(succeeded) FILTER (WHERE since > $1), 0)::bigint, coalesce(sum(failed) FILTER (WHERE since > $1), 0)::bigint,
    sum(succeeded)::bigint, sum(failed)::bigint
FROM nuvom.throughput
WHERE since > $2 AND since <= $3
GROUP BY queue
ORDER BY queue;
