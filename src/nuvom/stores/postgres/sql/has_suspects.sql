-- Whether a suspect is ready in some queues, or in any; they are few.
SELECT 1 FROM nuvom.jobs
WHERE state = 'ready' AND suspect
    AND (:queues::text[] IS NULL OR queue = ANY (:queues))
    AND (:ready_by::bigint IS NULL OR run_at <= :ready_by)
    AND queue NOT IN (SELECT queue FROM nuvom.paused_queues)
    AND (:excluding::text[] IS NULL OR task <> ALL (:excluding))
LIMIT 1;
