-- All that is kept of some rows of the ledger.
SELECT
    o.schedule_id, o.nominal, o.source, o.outcome, o.reason, o.job_id, o.lateness, o.recorded_at, o.last, o.count,
    o.job_status, o.job_started_at, o.job_finished_at, o.utc_offset
FROM unnest(:schedule_id::uuid[], :nominal::bigint[], :source::text[]) AS said (schedule_id, nominal, source)
JOIN nuvom.occurrences AS o
    ON o.schedule_id = said.schedule_id AND o.nominal = said.nominal AND o.source = said.source;
