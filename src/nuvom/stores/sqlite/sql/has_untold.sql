-- Whether a failure that its worker does not know of waits for one of these tasks: a seek each.
SELECT 1 FROM json_each(:tasks) AS wanted
WHERE EXISTS (SELECT 1 FROM untold WHERE task = wanted.value)
LIMIT 1;
