-- Note that jobs failed and their worker does not know.
INSERT INTO nuvom.untold (task, job) SELECT task, seq FROM nuvom.jobs WHERE seq = ANY ($1::bigint[])
ON CONFLICT DO NOTHING;
