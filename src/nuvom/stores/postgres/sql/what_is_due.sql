-- Whether delayed jobs are due, whether any of the first of them has a flow, whether jobs have to give up, and whether a
-- flow opens by itself. By the ends of indexes: a plan may look for what EXISTS by reading the whole table.
SELECT
    coalesce((SELECT min(run_at) FROM nuvom.jobs WHERE state = 'delayed') <= clock.now, false),
    EXISTS (
        SELECT 1 FROM (
            SELECT flow FROM nuvom.jobs WHERE state = 'delayed' AND run_at <= clock.now ORDER BY run_at LIMIT :limit
        ) AS first
        WHERE first.flow IS NOT NULL
    ),
    coalesce(
        (
            SELECT min(expires_at) FROM nuvom.jobs
            WHERE expires_at IS NOT NULL AND attempt = 0 AND finished_at IS NULL
        ) <= clock.now,
        false
    ),
    coalesce((SELECT min(opens_at) FROM nuvom.flows WHERE opens_at IS NOT NULL) <= clock.now, false)
    OR coalesce((SELECT max(shut_at) FROM nuvom.flows WHERE shut_at IS NOT NULL) > clock.now, false)
FROM (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now
) AS clock;
