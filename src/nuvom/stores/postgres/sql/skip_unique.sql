-- Occurrences whose jobs were not pushed, because others stand for them.
UPDATE nuvom.occurrences SET outcome = 'skipped_unique', reason = said.reason, job_id = NULL, lateness = NULL
FROM unnest(:schedule_id::uuid[], :nominal::bigint[], :source::text[], :reason::text[])
    AS said (schedule_id, nominal, source, reason)
WHERE occurrences.schedule_id = said.schedule_id AND occurrences.nominal = said.nominal
    AND occurrences.source = said.source;
