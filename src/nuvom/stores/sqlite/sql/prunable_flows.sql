-- A step through the flows.
SELECT flow, rate, starts FROM flows WHERE flow > ?1 ORDER BY flow LIMIT ?2;
