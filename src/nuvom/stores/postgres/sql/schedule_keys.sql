-- The next ids of all schedules, in the order in which they came.
SELECT seq, id FROM nuvom.schedules WHERE seq > $1 ORDER BY seq LIMIT $2;
