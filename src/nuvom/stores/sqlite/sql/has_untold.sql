-- Whether a failure that its worker does not know of waits for one of these tasks.
SELECT 1 FROM untold CROSS JOIN jobs ON jobs.seq = untold.job
WHERE jobs.task IN (SELECT value FROM json_each(:tasks))
LIMIT 1;
