-- The oldest of the newest rows of a schedule, which stay while it lives; ?2 is how many those are, less one.
SELECT nominal FROM occurrences WHERE schedule_id = ?1 ORDER BY nominal DESC, source DESC LIMIT 1 OFFSET ?2;
