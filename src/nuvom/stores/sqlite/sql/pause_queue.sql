-- Nothing of this queue is claimed any more; said again, only the note changes.
INSERT INTO paused_queues (queue, since, note) VALUES (?1, ?2, ?3)
ON CONFLICT (queue) DO UPDATE SET note = excluded.note;
