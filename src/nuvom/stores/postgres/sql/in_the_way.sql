-- What jobs that are to be inserted find: which ids are there, and which keys have an open job.
SELECT
    ARRAY(SELECT id FROM nuvom.jobs WHERE id = ANY ($1::uuid[])),
    ARRAY(
        SELECT wanted FROM pg_catalog.unnest($2::text[]) AS wanted
        WHERE (SELECT 1 FROM nuvom.jobs WHERE key = wanted AND finished_at IS NULL LIMIT 1) IS NOT NULL
    );
