-- Whether a claim would find a job: per queue the head of jobs_claim, one seek for each queue that has ready jobs.
WITH RECURSIVE present (queue) AS (
    (
        SELECT queue FROM nuvom.jobs
        WHERE state = 'ready' AND NOT suspect AND :queues::text[] IS NULL
        ORDER BY queue LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT queue FROM nuvom.jobs
        WHERE state = 'ready' AND NOT suspect AND queue > present.queue
        ORDER BY queue LIMIT 1
    )
    FROM present
    WHERE present.queue IS NOT NULL
),
served AS (
    SELECT wanted.queue FROM (
        SELECT queue FROM pg_catalog.unnest(:queues::text[]) AS queue
        UNION ALL
        SELECT queue FROM present WHERE queue IS NOT NULL
    ) AS wanted
    WHERE NOT EXISTS (SELECT 1 FROM nuvom.paused_queues WHERE paused_queues.queue = wanted.queue)
)
SELECT 1
FROM served
CROSS JOIN LATERAL (
    SELECT 1 FROM nuvom.jobs
    WHERE queue = served.queue AND state = 'ready' AND NOT suspect
        AND (:ready_by::bigint IS NULL OR run_at <= :ready_by)
        AND (:excluding::text[] IS NULL OR task <> ALL (:excluding))
    ORDER BY priority DESC, run_at, seq  -- so that no plan reads the table: it would, to its end, where none is ready
    LIMIT 1
) AS found
UNION ALL
(
    SELECT 1 FROM nuvom.jobs
    WHERE state = 'ready' AND suspect
        AND (:queues::text[] IS NULL OR queue = ANY (:queues))
        AND (:ready_by::bigint IS NULL OR run_at <= :ready_by)
        AND queue NOT IN (SELECT queue FROM nuvom.paused_queues)
        AND (:excluding::text[] IS NULL OR task <> ALL (:excluding))
    ORDER BY queue, run_at, seq
    LIMIT 1
)
LIMIT 1;
