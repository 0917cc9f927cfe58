-- Take back runs that were counted for occurrences which the ledger had already.
UPDATE schedules SET run_count = run_count - ?2 WHERE id = ?1;
