-- Store a schedule, or replace all of the one that has its id.
INSERT INTO schedules (
    id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor,
    next_nominal, next_run, catch_up, state, note, origin, generation, run_count, options, defaults,
    metadata, tzdata, created_at, updated_at, unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter,
    paused_at, overridden
)
VALUES (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
    ?21, ?22, ?23, ?24, ?25,
    ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34
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
