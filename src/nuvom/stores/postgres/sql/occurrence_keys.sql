-- The next keys of all rows of the ledger.
SELECT schedule_id, nominal, source FROM nuvom.occurrences WHERE (schedule_id, nominal, source) > ($1::uuid, $2::bigint, $3::text) ORDER BY schedule_id, nominal, source LIMIT $4;
