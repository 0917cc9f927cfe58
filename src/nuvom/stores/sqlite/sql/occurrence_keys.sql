-- The next keys of all rows of the ledger.
SELECT schedule_id, nominal, source FROM occurrences WHERE (schedule_id, nominal, source) > (?1, ?2, ?3) ORDER BY schedule_id, nominal, source LIMIT ?4;
