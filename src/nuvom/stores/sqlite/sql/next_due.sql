-- When the next one is due: the head of the index.
SELECT next_run FROM schedules WHERE state = 'active' ORDER BY next_run LIMIT 1;
