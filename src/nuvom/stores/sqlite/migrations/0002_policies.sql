-- What a schedule may say of its runs (bounds, grace, overlap, jitter, pause), and jobs that give up or repeat the past.
-- Spans are integer microseconds.

ALTER TABLE schedules ADD COLUMN times_since INTEGER;
ALTER TABLE schedules ADD COLUMN starts_at INTEGER;
ALTER TABLE schedules ADD COLUMN ends_at INTEGER;
ALTER TABLE schedules ADD COLUMN max_runs INTEGER CHECK (max_runs > 0);
ALTER TABLE schedules ADD COLUMN grace INTEGER CHECK (grace >= 0);
ALTER TABLE schedules ADD COLUMN overlap TEXT NOT NULL DEFAULT 'allow' CHECK (overlap IN ('allow', 'skip', 'queue_one'));
ALTER TABLE schedules ADD COLUMN jitter INTEGER NOT NULL DEFAULT 0 CHECK (jitter >= 0);
ALTER TABLE schedules ADD COLUMN paused_at INTEGER CHECK ((paused_at IS NULL) OR state <> 'active');
ALTER TABLE schedules ADD COLUMN overridden TEXT;

-- outdated_zones.sql: cron schedules whose next run another release of the tz database computed
CREATE INDEX schedules_tzdata ON schedules (tzdata, seq) WHERE state = 'active' AND cron IS NOT NULL;

-- expires_at: when a job that was never started gives up. backfill: it repeats the past and is no open run.
ALTER TABLE jobs ADD COLUMN expires_at INTEGER;
ALTER TABLE jobs ADD COLUMN backfill INTEGER NOT NULL DEFAULT 0 CHECK (backfill IN (0, 1));

-- expire.sql, next_delayed.sql
CREATE INDEX jobs_expiring ON jobs (expires_at)
WHERE expires_at IS NOT NULL AND attempt = 0 AND finished_at IS NULL;

-- open_runs.sql, blocked.sql, list_by_schedule.sql: as before, with backfills apart from the open runs
DROP INDEX jobs_schedule;
CREATE INDEX jobs_schedule ON jobs (schedule_id, finished_at IS NULL, backfill, seq) WHERE schedule_id IS NOT NULL;

-- utc_offset: of the zone, in seconds, by the tz database of then: it tells the local time that was dispatched
ALTER TABLE occurrences ADD COLUMN utc_offset INTEGER;

-- request.sql: a request that was made already
CREATE INDEX occurrences_requests ON occurrences (schedule_id, source) WHERE source <> '';
