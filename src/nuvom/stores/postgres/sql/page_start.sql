-- Where a page begins: at the last job of the page before, or where it must have been if it was pruned since.
SELECT coalesce(
    (SELECT seq FROM nuvom.jobs WHERE id = $1::uuid),
    (SELECT seq + 1 FROM nuvom.jobs WHERE created_at <= $2 ORDER BY seq DESC LIMIT 1),
    0
);
