-- The tasks that workers reported.
SELECT name, canonical, queue, priority, max_crashes, signature FROM tasks ORDER BY name;
