-- Take the failures that no worker knows of, of some tasks; what was run again meanwhile and did not fail is dropped.
DELETE FROM untold
WHERE job IN (
    SELECT untold.job FROM untold CROSS JOIN jobs ON jobs.seq = untold.job
    WHERE jobs.task IN (SELECT value FROM json_each(:tasks))
    ORDER BY untold.job
    LIMIT :limit
)
RETURNING (SELECT id FROM jobs WHERE seq = untold.job AND state = 'failed');
