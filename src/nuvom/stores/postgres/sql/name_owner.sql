-- Who else has a name.
SELECT id FROM nuvom.schedules WHERE name = $1 AND id <> $2::uuid;
