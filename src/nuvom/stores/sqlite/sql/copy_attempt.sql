-- The history row of an attempt elsewhere.
INSERT INTO attempts (job, attempt, worker, started_at, ended_at, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6);
