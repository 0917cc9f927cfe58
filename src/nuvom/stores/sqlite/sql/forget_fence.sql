-- Forget an ended schedule that has no row in the ledger any more.
DELETE FROM fences
WHERE schedule_id = ?1 AND ended_at < ?2
    AND NOT EXISTS (SELECT 1 FROM occurrences WHERE schedule_id = ?1);
