-- Delayed jobs whose time has come, the oldest first.
SELECT seq, flow FROM nuvom.jobs WHERE state = 'delayed' AND run_at <= $1 ORDER BY run_at LIMIT $2;
