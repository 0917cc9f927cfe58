-- What workers reported of a task, under this name or as an alias.
SELECT canonical, queue, priority, max_crashes, expires_in, concurrency, rate, uniqueness, flow_key FROM tasks WHERE name = ?1;
