-- Take the failures that no worker knows of, of some tasks; what was run again meanwhile and did not fail is dropped.
WITH taken AS MATERIALIZED (
    SELECT task, job FROM nuvom.untold
    WHERE task = ANY (:tasks::text[])
    ORDER BY task, job
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
DELETE FROM nuvom.untold AS noted
USING taken
WHERE noted.task = taken.task AND noted.job = taken.job
RETURNING (SELECT id FROM nuvom.jobs WHERE seq = noted.job AND state = 'failed');
