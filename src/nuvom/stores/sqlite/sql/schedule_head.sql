-- What a plan's item is compared with.
SELECT generation, next_run, state FROM schedules WHERE id = ?1;
