-- Its process was ended for another job's sake, or in an orderly way: free of charge, and nothing is suspected.
UPDATE jobs SET state = iif(flow IS NULL, 'ready', 'held'), waits_for = iif(flow IS NULL, NULL, 'flow'), worker = NULL
WHERE seq = ?1;
