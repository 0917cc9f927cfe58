-- Store rows of the ledger as they were elsewhere; what is there stays.
INSERT INTO nuvom.occurrences (
    schedule_id, nominal, source, outcome, reason, job_id, lateness, recorded_at, last, count, job_status,
    job_started_at, job_finished_at, utc_offset
)
SELECT
    said.schedule_id, said.nominal, said.source, said.outcome, said.reason, said.job_id, said.lateness,
    said.recorded_at, said.last, said.count, said.job_status, said.job_started_at, said.job_finished_at,
    said.utc_offset::integer
FROM unnest(
    :schedule_id::uuid[], :nominal::bigint[], :source::text[], :outcome::text[], :reason::text[], :job_id::uuid[],
    :lateness::bigint[], :recorded_at::bigint[], :last::bigint[], :count::bigint[], :job_status::text[],
    :job_started_at::bigint[], :job_finished_at::bigint[], :utc_offset::bigint[]
) WITH ORDINALITY AS said (
    schedule_id, nominal, source, outcome, reason, job_id, lateness, recorded_at, last, count, job_status,
    job_started_at, job_finished_at, utc_offset, place
)
ORDER BY said.place
ON CONFLICT (schedule_id, nominal, source) DO NOTHING
RETURNING 1;
