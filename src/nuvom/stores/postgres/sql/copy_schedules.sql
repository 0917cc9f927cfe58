-- Store schedules as they were elsewhere; none of which a newer end is known here.
-- Asked one by one, and not by NOT EXISTS, which a plan may answer by reading all fences.
INSERT INTO nuvom.schedules (
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor, next_nominal, next_run,
    catch_up, state, note, origin, generation, run_count, options, defaults, metadata, tzdata, created_at, updated_at,
    unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter, paused_at, overridden
)
SELECT
    said.id, said.name, said.task, said.arguments::json, said.schedule_type, said.at, said.interval, said.cron,
    said.timezone_name, said.anchor, said.next_nominal, said.next_run, said.catch_up, said.state, said.note,
    said.origin, said.generation, said.run_count, said.options::json, said.defaults::json, said.metadata::json,
    said.tzdata, said.created_at, said.updated_at, said.unknown::json, said.times_since, said.starts_at, said.ends_at,
    said.max_runs, said.grace, said.overlap, said.jitter, said.paused_at, said.overridden::json
FROM unnest(
    :id::uuid[], :name::text[], :task::text[], :arguments::text[], :schedule_type::text[], :at::bigint[],
    :interval::double precision[], :cron::text[], :timezone_name::text[], :anchor::bigint[], :next_nominal::bigint[],
    :next_run::bigint[], :catch_up::text[], :state::text[], :note::text[], :origin::text[], :generation::bigint[],
    :run_count::bigint[], :options::text[], :defaults::text[], :metadata::text[], :tzdata::text[],
    :created_at::bigint[], :updated_at::bigint[], :unknown::text[], :times_since::bigint[], :starts_at::bigint[],
    :ends_at::bigint[], :max_runs::bigint[], :grace::bigint[], :overlap::text[], :jitter::bigint[],
    :paused_at::bigint[], :overridden::text[]
) WITH ORDINALITY AS said (
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor, next_nominal, next_run,
    catch_up, state, note, origin, generation, run_count, options, defaults, metadata, tzdata, created_at, updated_at,
    unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter, paused_at, overridden, place
)
WHERE (
    SELECT 1 FROM nuvom.fences
    WHERE fences.schedule_id = said.id AND fences.ended_at IS NOT NULL AND fences.generation >= said.generation
    LIMIT 1
) IS NULL
ORDER BY said.place
ON CONFLICT (id) DO NOTHING
RETURNING 1;
