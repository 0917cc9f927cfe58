-- What workers reported of a task, under this name or as an alias.
SELECT queue, priority, max_crashes FROM tasks WHERE name = ?1;
