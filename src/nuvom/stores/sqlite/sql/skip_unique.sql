-- An occurrence whose job was not pushed, because another stands for it.
UPDATE occurrences SET outcome = 'skipped_unique', reason = ?4, job_id = NULL, lateness = NULL
WHERE schedule_id = ?1 AND nominal = ?2 AND source = ?3;
