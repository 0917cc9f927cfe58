-- The lease of a new process begins.
INSERT INTO workers (id, kind, host, pid, version, queues, tasks, port, boot, lease_until, started_at, beat_at)
VALUES (:id, :kind, :host, :pid, :version, :queues, :tasks, :port, :boot, :lease_until, :now, :now);
