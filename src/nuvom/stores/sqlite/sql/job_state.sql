-- How far a job is.
SELECT state FROM jobs WHERE id = :id;
