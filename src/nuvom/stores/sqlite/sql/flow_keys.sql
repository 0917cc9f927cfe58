-- The next keys of all flows.
SELECT flow FROM flows WHERE flow > ?1 ORDER BY flow LIMIT ?2;
