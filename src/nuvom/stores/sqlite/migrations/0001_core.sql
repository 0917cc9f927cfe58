-- The core: jobs with their leases and history, schedules, and the ledger with its fences.
-- Times are integer microseconds since 1970 in UTC; leases count CLOCK_MONOTONIC in microseconds under a boot id.

CREATE TABLE jobs (
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
    CHECK (state <> 'held' OR key IS NOT NULL),
    CHECK (priority BETWEEN -1000 AND 1000),
    CHECK (length(id) = 16)
) STRICT;

-- claim.sql; what may run and nothing else
CREATE INDEX jobs_claim ON jobs (queue, priority DESC, run_at, seq) WHERE state = 'ready' AND suspect = 0;
-- claim_suspect.sql
CREATE INDEX jobs_suspects ON jobs (queue, run_at, seq) WHERE state = 'ready' AND suspect = 1;
-- promote.sql, next_wakeup.sql
CREATE INDEX jobs_delayed ON jobs (run_at) WHERE state = 'delayed';
-- rescue.sql, release.sql
CREATE INDEX jobs_running ON jobs (worker) WHERE state = 'running';
-- release_held.sql: who holds a key, and who waits for it
CREATE INDEX jobs_key ON jobs (key, state, seq) WHERE key IS NOT NULL AND finished_at IS NULL;
-- open_runs.sql, list_by_schedule.sql: a week of runs that ended may lie beside the few that did not. One index for
-- both, because schedules come in no order, and each such index is one more page to write for each dispatch.
CREATE INDEX jobs_schedule ON jobs (schedule_id, finished_at IS NULL, seq) WHERE schedule_id IS NOT NULL;
-- list_failed.sql: rare among millions
CREATE INDEX jobs_failed ON jobs (seq) WHERE state = 'failed';

CREATE TABLE attempts (
    job        INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    attempt    INTEGER NOT NULL,
    worker     TEXT,
    started_at INTEGER,
    ended_at   INTEGER NOT NULL,
    error      BLOB,
    PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('worker', 'scheduler')),
    host        TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    version     TEXT NOT NULL,
    queues      TEXT,
    tasks       TEXT NOT NULL DEFAULT '[]',
    port        INTEGER,
    boot        TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    beat_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who sleeps until a job is final; finish looks here once a batch, and the table is empty when nobody waits.
CREATE TABLE waiters (
    job_id BLOB NOT NULL,
    port   INTEGER NOT NULL,
    until  INTEGER NOT NULL,
    PRIMARY KEY (job_id, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
    name        TEXT PRIMARY KEY,
    canonical   TEXT NOT NULL,
    queue       TEXT NOT NULL,
    priority    INTEGER NOT NULL,
    max_crashes INTEGER NOT NULL,
    signature   TEXT NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
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
    CHECK ((at IS NOT NULL) + (interval IS NOT NULL) + (cron IS NOT NULL) = 1),
    CHECK (state <> 'active' OR next_run IS NOT NULL),
    CHECK (length(id) = 16)
) STRICT;

-- due.sql, next_due.sql, upcoming.sql
CREATE INDEX schedules_due ON schedules (next_run, seq) WHERE state = 'active';

-- One row for each occurrence that came due; it says for good what became of it.
CREATE TABLE occurrences (
    schedule_id     BLOB NOT NULL,
    nominal         INTEGER NOT NULL,
    source          TEXT NOT NULL DEFAULT '',
    outcome         TEXT NOT NULL,
    reason          TEXT,
    job_id          BLOB,
    lateness        INTEGER,
    recorded_at     INTEGER NOT NULL,
    last            INTEGER,
    count           INTEGER NOT NULL DEFAULT 1,
    job_status      TEXT,
    job_started_at  INTEGER,
    job_finished_at INTEGER,
    PRIMARY KEY (schedule_id, nominal, source),
    CHECK (
        outcome = 'dispatched' OR outcome = 'skipped_overlap' OR outcome = 'skipped_unique'
        OR outcome = 'missed' OR outcome = 'coalesced' OR outcome = 'paused'
    ),
    CHECK ((outcome = 'dispatched') = (job_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- The newest definition of schedules that are gone from here or kept elsewhere: generations and ends outlive them.
CREATE TABLE fences (
    schedule_id BLOB PRIMARY KEY,
    generation  INTEGER NOT NULL,
    state       TEXT NOT NULL,
    definition  TEXT NOT NULL,
    ended_at    INTEGER,
    place       INTEGER  -- the seq that its schedule had here: a listing goes on after it
) STRICT, WITHOUT ROWID;
