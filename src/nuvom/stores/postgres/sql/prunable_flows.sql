-- A step through the flows.
SELECT flow, rate, starts FROM nuvom.flows WHERE flow > $1 ORDER BY flow LIMIT $2;
