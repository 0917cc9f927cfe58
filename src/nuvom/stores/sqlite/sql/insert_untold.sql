-- Note that a job failed and its worker does not know.
INSERT OR IGNORE INTO untold (task, job) SELECT task, seq FROM jobs WHERE seq = ?1;
