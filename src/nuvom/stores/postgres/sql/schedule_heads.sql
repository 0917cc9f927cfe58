-- What the items of a plan are compared with.
SELECT id, generation, state FROM nuvom.schedules WHERE id = ANY ($1::uuid[]);
