-- How many jobs there are of each state; reads the whole table.
SELECT state, count(*) FROM nuvom.jobs GROUP BY state;
