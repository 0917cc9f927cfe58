-- Move the next run, forward only.
UPDATE nuvom.schedules SET next_run = $2, next_nominal = $2 WHERE id = $1::uuid AND next_run < $2;
