-- What bounds a flow, and what its rate counts.
SELECT concurrency, rate, openings, starts, opens_at, shut_at FROM flows WHERE flow = ?1;
