-- A process seen dead: its row stays a while for people to see.
UPDATE workers SET lease_until = 0, port = NULL WHERE id = ?1;
