-- Anything that changes a page: its durable commit takes the claim before it to disk.
UPDATE workers SET beat_at = max(:now, beat_at + 1) WHERE id = :worker;
