-- Where a page begins: at the last job of the page before, or where it must have been if it was pruned since.
SELECT coalesce(
    (SELECT seq FROM jobs WHERE id = :id),
    (SELECT seq + 1 FROM jobs WHERE created_at <= :created ORDER BY seq DESC LIMIT 1),
    0
);
