-- Take back runs that were counted for occurrences which the ledger had already.
UPDATE nuvom.schedules SET run_count = run_count - said.runs
FROM unnest($1::uuid[], $2::bigint[]) AS said (id, runs)
WHERE schedules.id = said.id;
