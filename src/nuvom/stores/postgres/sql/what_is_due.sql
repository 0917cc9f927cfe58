-- Whether delayed jobs are due, whether any of the first of them has a flow, whether jobs have to give up, and whether a
-- flow opens by itself.
SELECT
    EXISTS (SELECT 1 FROM nuvom.jobs WHERE state = 'delayed' AND run_at <= clock.now),
    EXISTS (
        SELECT 1 FROM (
            SELECT flow FROM nuvom.jobs WHERE state = 'delayed' AND run_at <= clock.now ORDER BY run_at LIMIT :limit
        ) AS first
        WHERE first.flow IS NOT NULL
    ),
    EXISTS (
        SELECT 1 FROM nuvom.jobs
        WHERE expires_at IS NOT NULL AND expires_at <= clock.now AND attempt = 0 AND finished_at IS NULL
    ),
    EXISTS (SELECT 1 FROM nuvom.flows WHERE opens_at IS NOT NULL AND opens_at <= clock.now)
    OR EXISTS (SELECT 1 FROM nuvom.flows WHERE shut_at IS NOT NULL AND shut_at > clock.now)
FROM (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000)::bigint) AS now
) AS clock;
