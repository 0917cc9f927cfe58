-- The same for schedules that ended with them: their definitions are beside the ledger by now.
UPDATE nuvom.fences SET definition = said.definition::json
FROM unnest($1::uuid[], $2::text[]) AS said (id, definition)
WHERE fences.schedule_id = said.id;
