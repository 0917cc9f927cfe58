-- The next keys of all tasks.
SELECT name FROM nuvom.tasks WHERE name > $1::text ORDER BY name LIMIT $2;
