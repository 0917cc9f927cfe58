-- Some flows, as they are by now.
SELECT flow, rate, starts FROM nuvom.flows WHERE flow = ANY ($1::text[]);
