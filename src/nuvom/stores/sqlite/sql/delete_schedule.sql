-- Remove a schedule; its fence is written before.
DELETE FROM schedules WHERE id = ?1;
