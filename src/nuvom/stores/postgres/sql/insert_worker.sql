-- The lease of a new process begins.
WITH clock AS (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now
)
INSERT INTO nuvom.workers (id, kind, host, pid, version, queues, tasks, address, lease_until, started_at, beat_at)
SELECT :id, :kind, :host, :pid, :version, :queues::json, :tasks::json, :address, now + :lease, now, now FROM clock;
