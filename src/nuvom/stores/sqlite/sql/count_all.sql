-- How many rows there are of what moves to another store; reads the tables whole.
SELECT
    (SELECT count(*) FROM fences),
    (SELECT count(*) FROM occurrences),
    (SELECT count(*) FROM tasks),
    (SELECT count(*) FROM flows),
    (SELECT count(*) FROM paused_queues),
    (SELECT count(*) FROM jobs),
    (SELECT count(*) FROM schedules);
