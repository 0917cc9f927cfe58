-- By which names the keys and flows of some jobs are locked; neither changes while a job lives.
SELECT 'key:' || key FROM nuvom.jobs WHERE id = ANY ($1::uuid[]) AND key IS NOT NULL
UNION
SELECT 'flow:' || flow FROM nuvom.jobs WHERE id = ANY ($1::uuid[]) AND flow IS NOT NULL;
