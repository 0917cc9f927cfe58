-- Take the failures that no worker knows of, of some tasks; what was run again meanwhile and did not fail is dropped.
DELETE FROM untold
WHERE (task, job) IN (
    SELECT noted.task, noted.job
    FROM json_each(:tasks) AS wanted CROSS JOIN untold AS noted ON noted.task = wanted.value
    LIMIT :limit
)
RETURNING (SELECT id FROM jobs WHERE seq = untold.job AND state = 'failed');
