-- Store a schedule, or replace all of the one that has its id.
INSERT INTO nuvom.schedules (
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor,
    next_nominal, next_run, catch_up, state, note, origin, generation, run_count, options, defaults,
    metadata, tzdata, created_at, updated_at, unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter,
    paused_at, overridden
)
VALUES (
    $1::uuid, $2::text, $3::text, $4::json, $5::text, $6::bigint, $7::double precision, $8::text, $9::text,
    $10::bigint, $11::bigint, $12::bigint, $13::text, $14::text, $15::text, $16::text, $17::bigint, $18::bigint,
    $19::json, $20::json, $21::json, $22::text, $23::bigint, $24::bigint, $25::json, $26::bigint, $27::bigint,
    $28::bigint, $29::bigint, $30::bigint, $31::text, $32::bigint, $33::bigint, $34::json
)
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name,
    task = excluded.task,
    arguments = excluded.arguments,
    schedule_type = excluded.schedule_type,
    at = excluded.at,
    interval = excluded.interval,
    cron = excluded.cron,
    timezone_name = excluded.timezone_name,
    anchor = excluded.anchor,
    next_nominal = excluded.next_nominal,
    next_run = excluded.next_run,
    catch_up = excluded.catch_up,
    state = excluded.state,
    note = excluded.note,
    origin = excluded.origin,
    generation = excluded.generation,
    run_count = excluded.run_count,
    options = excluded.options,
    defaults = excluded.defaults,
    metadata = excluded.metadata,
    tzdata = excluded.tzdata,
    created_at = excluded.created_at,
    updated_at = excluded.updated_at,
    unknown = excluded.unknown,
    times_since = excluded.times_since,
    starts_at = excluded.starts_at,
    ends_at = excluded.ends_at,
    max_runs = excluded.max_runs,
    grace = excluded.grace,
    overlap = excluded.overlap,
    jitter = excluded.jitter,
    paused_at = excluded.paused_at,
    overridden = excluded.overridden;
