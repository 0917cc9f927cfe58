-- When the next delayed job is due, the next one gives up or the next flow opens, and when the earliest lease ends, of
-- those that live or still hold jobs; 0 for a flow whose time was set before the clock was set back.
SELECT
    clock.now,
    least(
        (SELECT min(run_at) FROM nuvom.jobs WHERE state = 'delayed'),
        (
            SELECT min(expires_at) FROM nuvom.jobs
            WHERE expires_at IS NOT NULL AND attempt = 0 AND finished_at IS NULL
        ),
        (SELECT min(opens_at) FROM nuvom.flows WHERE opens_at IS NOT NULL),
        (SELECT 0 FROM nuvom.flows WHERE shut_at IS NOT NULL AND shut_at > clock.now LIMIT 1)
    ),
    (
        SELECT min(lease_until) FROM nuvom.workers
        WHERE lease_until > clock.now
            OR EXISTS (SELECT 1 FROM nuvom.jobs WHERE worker = workers.id AND state = 'running')
    )
FROM (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now
) AS clock;
