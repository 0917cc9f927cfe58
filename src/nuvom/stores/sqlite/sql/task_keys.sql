-- The next keys of all tasks.
SELECT name FROM tasks WHERE name > ?1 ORDER BY name LIMIT ?2;
