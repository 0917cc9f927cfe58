-- Whether anything is limited.
SELECT 1 FROM nuvom.flows LIMIT 1;
