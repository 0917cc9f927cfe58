-- Keep schedules from being dispatched or changed until the transaction ends, in one order.
SELECT seq FROM nuvom.schedules WHERE id = ANY ($1::uuid[]) ORDER BY id FOR SHARE;
