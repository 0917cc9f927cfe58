-- Anything that writes: its durable commit takes the claim before it to disk.
UPDATE nuvom.workers SET beat_at = beat_at WHERE id = $1;
