-- The same for a schedule that ended with them: its definition is beside the ledger by now.
UPDATE fences SET definition = json_set(definition, '$.run_count', json_extract(definition, '$.run_count') - ?2)
WHERE schedule_id = ?1;
