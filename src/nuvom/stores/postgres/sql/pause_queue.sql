-- Nothing of this queue is claimed any more; said again, only the note changes. Only a row that is new was never updated.
INSERT INTO nuvom.paused_queues (queue, since, note)
VALUES (:queue, coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint), :note)
ON CONFLICT (queue) DO UPDATE SET note = excluded.note
RETURNING xmax = 0;
