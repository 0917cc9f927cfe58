-- Fences by the time of their change, so that whoever looks after two stores finds changes that were begun and not ended.

CREATE INDEX fences_changed ON fences (generation, schedule_id) WHERE state <> 'done';
