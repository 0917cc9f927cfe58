-- Its process was ended for another job's sake, or in an orderly way: free of charge, and nothing is suspected.
UPDATE jobs SET state = 'ready', worker = NULL WHERE seq = ?1;
