-- How many rows there are of what moves to another store; reads the tables whole.
SELECT
    (SELECT count(*) FROM nuvom.fences),
    (SELECT count(*) FROM nuvom.occurrences),
    (SELECT count(*) FROM nuvom.tasks),
    (SELECT count(*) FROM nuvom.flows),
    (SELECT count(*) FROM nuvom.paused_queues),
    (SELECT count(*) FROM nuvom.jobs),
    (SELECT count(*) FROM nuvom.schedules);
