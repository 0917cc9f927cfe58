-- What a worker may promise of anybody's code: jobs that are asked to stop, that say how far they are, that carry a context;
-- limits of how many run; queues that rest. Tables are made anew where a CHECK of theirs changes.

CREATE TABLE jobs_new (
    -- Pruning keeps the newest row, so a number is never given again: the late outcome of a pruned job meets no other.
    seq           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    task          TEXT NOT NULL,
    queue         TEXT NOT NULL,
    priority      INTEGER NOT NULL DEFAULT 0,
    run_at        INTEGER NOT NULL,
    state         TEXT NOT NULL,
    arguments     BLOB NOT NULL,
    attempt       INTEGER NOT NULL DEFAULT 0,
    errors        INTEGER NOT NULL DEFAULT 0,
    retries       INTEGER,
    crashes       INTEGER NOT NULL DEFAULT 0,
    max_crashes   INTEGER NOT NULL DEFAULT 3,
    defers        INTEGER NOT NULL DEFAULT 0,
    suspect       INTEGER NOT NULL DEFAULT 0,
    worker        TEXT,
    key           TEXT,
    created_at    INTEGER NOT NULL,
    started_at    INTEGER,
    finished_at   INTEGER,
    schedule_id   BLOB,
    schedule_name TEXT,
    scheduled_for INTEGER,
    value         BLOB,
    error         BLOB,
    options       BLOB,
    metadata      BLOB,
    expires_at    INTEGER,
    backfill      INTEGER NOT NULL DEFAULT 0,
    waits_for     TEXT,     -- what holds it: the holder of its `key`, or the limits of its `flow`
    flow          TEXT,     -- the row of `flows` that limits how many of its kind run
    unique_key    TEXT,
    unique_until  INTEGER,  -- until then it stands for its unique_key, whatever became of it, and is not pruned
    cancel_at     INTEGER,  -- when somebody asked a running one to stop
    progress      BLOB,
    context       BLOB,
    -- OR and not IN: a list of constants is built anew for each row that is written, and doubles the cost of a finish.
    CHECK (
        state = 'ready' OR state = 'delayed' OR state = 'held' OR state = 'running'
        OR state = 'succeeded' OR state = 'failed' OR state = 'cancelled' OR state = 'expired'
    ),
    CHECK (
        (state = 'succeeded' OR state = 'failed' OR state = 'cancelled' OR state = 'expired')
        = (finished_at IS NOT NULL)
    ),
    CHECK ((state = 'running') = (worker IS NOT NULL)),
    CHECK (errors <= coalesce(retries, 0) + 1),
    CHECK (crashes <= max_crashes),
    CHECK ((state = 'held') = (waits_for IS NOT NULL)),
    CHECK (waits_for IS NULL OR (waits_for = 'key' AND key IS NOT NULL) OR (waits_for = 'flow' AND flow IS NOT NULL)),
    CHECK (priority BETWEEN -1000 AND 1000),
    CHECK (backfill = 0 OR backfill = 1),
    CHECK (length(id) = 16)
) STRICT;

INSERT INTO jobs_new (
    seq, id, task, queue, priority, run_at, state, arguments, attempt, errors, retries, crashes, max_crashes,
    defers, suspect, worker, key, created_at, started_at, finished_at, schedule_id, schedule_name, scheduled_for,
    value, error, options, metadata, expires_at, backfill, waits_for
)
SELECT
    seq, id, task, queue, priority, run_at, state, arguments, attempt, errors, retries, crashes, max_crashes,
    defers, suspect, worker, key, created_at, started_at, finished_at, schedule_id, schedule_name, scheduled_for,
    value, error, options, metadata, expires_at, backfill, iif(state = 'held', 'key', NULL)
FROM jobs;

CREATE TABLE attempts_new (
    job        INTEGER NOT NULL REFERENCES jobs_new (seq) ON DELETE CASCADE,
    attempt    INTEGER NOT NULL,
    worker     TEXT,
    started_at INTEGER,
    ended_at   INTEGER NOT NULL,
    error      BLOB,
    PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID;

INSERT INTO attempts_new SELECT job, attempt, worker, started_at, ended_at, error FROM attempts;

-- In this order: to drop a table deletes its rows, and with them what refers to them.
DROP TABLE attempts;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
ALTER TABLE attempts_new RENAME TO attempts;

-- claim.sql; what may run and nothing else
CREATE INDEX jobs_claim ON jobs (queue, priority DESC, run_at, seq) WHERE state = 'ready' AND suspect = 0;
-- claim_suspect.sql
CREATE INDEX jobs_suspects ON jobs (queue, run_at, seq) WHERE state = 'ready' AND suspect = 1;
-- promote.sql, next_delayed.sql
CREATE INDEX jobs_delayed ON jobs (run_at) WHERE state = 'delayed';
-- running_jobs.sql, list_running.sql
CREATE INDEX jobs_running ON jobs (worker) WHERE state = 'running';
-- release_held.sql: who holds a key, and who waits for it
CREATE INDEX jobs_key ON jobs (key, state, seq) WHERE key IS NOT NULL AND finished_at IS NULL;
-- open_runs.sql, blocked.sql, list_by_schedule.sql: a week of runs that ended may lie beside the few that did not. One
-- index for all, because schedules come in no order, and each such index is one more page to write for each dispatch.
CREATE INDEX jobs_schedule ON jobs (schedule_id, finished_at IS NULL, backfill, seq) WHERE schedule_id IS NOT NULL;
-- list_failed.sql: rare among millions
CREATE INDEX jobs_failed ON jobs (seq) WHERE state = 'failed';
-- expire.sql, next_delayed.sql
CREATE INDEX jobs_expiring ON jobs (expires_at)
WHERE expires_at IS NOT NULL AND attempt = 0 AND finished_at IS NULL;
-- flow_load.sql, hold_back.sql: who takes a place of a flow; forget_flow.sql: whether any job of it is open
CREATE INDEX jobs_flow ON jobs (flow, state) WHERE flow IS NOT NULL AND finished_at IS NULL;
-- open_flow.sql: who waits for a place, the best first; queue_stats.sql
CREATE INDEX jobs_held ON jobs (flow, priority DESC, run_at, seq, queue) WHERE waits_for = 'flow';
-- unique_queued.sql, unique_open.sql, unique_since.sql: those that ended may be many, those that are open are few
CREATE INDEX jobs_unique ON jobs (unique_key, finished_at IS NULL, created_at) WHERE unique_key IS NOT NULL;
-- asked_to_stop.sql, end_asked.sql
CREATE INDEX jobs_asked ON jobs (worker, seq) WHERE cancel_at IS NOT NULL AND finished_at IS NULL;

-- How many jobs of a kind may run at once (concurrency), and start within a time (rate); one row for each key of a task.
CREATE TABLE flows (
    flow        TEXT PRIMARY KEY,
    task        TEXT NOT NULL,
    concurrency INTEGER CHECK (concurrency > 0),
    rate        TEXT,
    openings    INTEGER NOT NULL DEFAULT 0,  -- how often it let some in: each tenth time another priority has its turn
    starts      TEXT,     -- JSON: how many started in each slice of the rate's period that still counts
    opens_at    INTEGER,  -- when the rate lets one of those that wait start; NULL: none waits for that
    shut_at     INTEGER,  -- when that was found: if it lies ahead, the clock was set back and opens_at is worth nothing
    CHECK ((opens_at IS NULL) = (shut_at IS NULL))
) STRICT, WITHOUT ROWID;
-- due_flows.sql, next_delayed.sql
CREATE INDEX flows_opening ON flows (opens_at) WHERE opens_at IS NOT NULL;
CREATE INDEX flows_shut ON flows (shut_at) WHERE shut_at IS NOT NULL;
-- limit_flows.sql, hold_flows.sql
CREATE INDEX flows_task ON flows (task);

ALTER TABLE tasks ADD COLUMN expires_in INTEGER;
ALTER TABLE tasks ADD COLUMN concurrency INTEGER;
ALTER TABLE tasks ADD COLUMN rate TEXT;
ALTER TABLE tasks ADD COLUMN uniqueness TEXT;
ALTER TABLE tasks ADD COLUMN flow_key TEXT;

-- Queues whose jobs nobody takes for now.
CREATE TABLE paused_queues (
    queue TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    note  TEXT
) STRICT, WITHOUT ROWID;

-- What ended in each queue, in slices of some seconds, for an hour or so.
CREATE TABLE throughput (
    since     INTEGER NOT NULL,
    queue     TEXT NOT NULL,
    succeeded INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    PRIMARY KEY (since, queue)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules_new (
    seq           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    name          TEXT UNIQUE,
    task          TEXT NOT NULL,
    arguments     BLOB NOT NULL,
    schedule_type TEXT NOT NULL CHECK (schedule_type IN ('one_off', 'interval', 'cron')),
    at            INTEGER,
    interval      REAL,
    cron          TEXT,
    timezone_name TEXT NOT NULL,
    anchor        INTEGER,
    next_nominal  INTEGER,
    next_run      INTEGER,
    catch_up      TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('active', 'paused', 'quarantined')),
    note          TEXT,
    origin        TEXT NOT NULL CHECK (origin IN ('api', 'code')),
    generation    INTEGER NOT NULL,
    run_count     INTEGER NOT NULL DEFAULT 0,
    options       TEXT,
    defaults      TEXT NOT NULL,
    metadata      TEXT,
    tzdata        TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    unknown       TEXT,
    times_since   INTEGER,
    starts_at     INTEGER,
    ends_at       INTEGER,
    max_runs      INTEGER CHECK (max_runs > 0),
    grace         INTEGER CHECK (grace >= 0),
    overlap       TEXT NOT NULL DEFAULT 'allow' CHECK (overlap IN ('allow', 'skip', 'queue_one', 'cancel_other')),
    jitter        INTEGER NOT NULL DEFAULT 0 CHECK (jitter >= 0),
    paused_at     INTEGER CHECK ((paused_at IS NULL) OR state <> 'active'),
    overridden    TEXT,
    CHECK ((at IS NOT NULL) + (interval IS NOT NULL) + (cron IS NOT NULL) = 1),
    CHECK (state <> 'active' OR next_run IS NOT NULL),
    CHECK (length(id) = 16)
) STRICT;

INSERT INTO schedules_new (
    seq, id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor, next_nominal,
    next_run, catch_up, state, note, origin, generation, run_count, options, defaults, metadata, tzdata, created_at,
    updated_at, unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter, paused_at, overridden
)
SELECT
    seq, id, name, task, arguments, schedule_type, at, interval, cron, timezone_name, anchor, next_nominal,
    next_run, catch_up, state, note, origin, generation, run_count, options, defaults, metadata, tzdata, created_at,
    updated_at, unknown, times_since, starts_at, ends_at, max_runs, grace, overlap, jitter, paused_at, overridden
FROM schedules;

DROP TABLE schedules;
ALTER TABLE schedules_new RENAME TO schedules;

-- due.sql, next_due.sql, upcoming.sql
CREATE INDEX schedules_due ON schedules (next_run, seq) WHERE state = 'active';
-- outdated_zones.sql: cron schedules whose next run another release of the tz database computed
CREATE INDEX schedules_tzdata ON schedules (tzdata, seq) WHERE state = 'active' AND cron IS NOT NULL;

-- Jobs that ended `failed` without their worker: its process died, or nobody could stop it otherwise. Whoever has the
-- task takes them, to do what the task does on a failure.
CREATE TABLE untold (
    task TEXT NOT NULL,
    job  INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    PRIMARY KEY (task, job)
) STRICT, WITHOUT ROWID;
-- deletes of jobs
CREATE INDEX untold_job ON untold (job);
