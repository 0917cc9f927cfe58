-- Note that a job failed and its worker does not know.
INSERT OR IGNORE INTO untold (job) VALUES (?1);
