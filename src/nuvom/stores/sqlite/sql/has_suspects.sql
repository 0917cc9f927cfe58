-- Whether a suspect is ready in some queues, or in any; they are few.
SELECT 1 FROM jobs INDEXED BY jobs_suspects
WHERE state = 'ready' AND suspect = 1
    AND (:queues IS NULL OR queue IN (SELECT value FROM json_each(:queues)))
    AND (:ready_by IS NULL OR run_at <= :ready_by)
    AND queue NOT IN (SELECT queue FROM paused_queues)
    AND (:excluding IS NULL OR task NOT IN (SELECT value FROM json_each(:excluding)))
LIMIT 1;
