-- Who else has a name.
SELECT id FROM schedules WHERE name = ?1 AND id <> ?2;
