-- Where a page begins.
SELECT seq FROM jobs WHERE id = :id;
