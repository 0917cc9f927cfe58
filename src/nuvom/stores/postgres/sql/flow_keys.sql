-- The next keys of all flows.
SELECT flow FROM nuvom.flows WHERE flow > $1::text ORDER BY flow LIMIT $2;
