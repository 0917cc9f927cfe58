-- Wait for claims under these leases, and let no other begin.
SELECT 1 FROM nuvom.workers WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE;
