-- needs: store, jobs, suspects
-- Tell whether a suspect is ready. ARGV: 2 JSON of the queues (none: all), 3 JSON of tasks to pass over, 4 the latest run_at.
return Suspects.best(given(2), given(3), tonumber(ARGV[4])) and 1 or 0
