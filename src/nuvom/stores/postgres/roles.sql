-- Rights for two roles that own nothing here. Run it as the owner of the schema, again after each `nuvom migrate`.

-- Producers push jobs, keep schedules and wait for results. They delete no job, claim none, and change no table.
GRANT USAGE ON SCHEMA nuvom TO producer;
GRANT SELECT ON ALL TABLES IN SCHEMA nuvom TO producer;
GRANT INSERT ON nuvom.jobs, nuvom.flows, nuvom.schedules, nuvom.fences, nuvom.occurrences, nuvom.waiters TO producer;
GRANT UPDATE (outcome, reason, job_id, lateness) ON nuvom.occurrences TO producer;  -- that another job stands for its own
GRANT UPDATE (state, waits_for) ON nuvom.jobs TO producer;  -- which of the jobs of a limited task wait
GRANT UPDATE ON nuvom.flows, nuvom.schedules, nuvom.fences, nuvom.waiters TO producer;
GRANT DELETE ON nuvom.schedules, nuvom.fences, nuvom.waiters TO producer;

-- Services are schedulers and workers, and people at the command line. They change no table either.
GRANT USAGE ON SCHEMA nuvom TO service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA nuvom TO service;
REVOKE INSERT, UPDATE, DELETE ON nuvom.migrations FROM service;
