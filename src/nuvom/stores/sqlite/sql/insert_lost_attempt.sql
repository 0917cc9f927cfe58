-- The history row of an attempt that the store itself ends. After a power cut the number may come again.
INSERT OR REPLACE INTO attempts (job, attempt, worker, started_at, ended_at, error)
SELECT seq, attempt, worker, started_at, ?1, ?2 FROM jobs WHERE seq = ?3;
