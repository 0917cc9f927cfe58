-- Processes seen dead, or whose lease ran out: their rows stay a while for people to see.
UPDATE nuvom.workers SET lease_until = 0, address = NULL WHERE id = ANY ($1::text[]);
