-- Leases that live are extended; one that ran out stays dead.
WITH quickly AS MATERIALIZED (
    SELECT pg_catalog.set_config('synchronous_commit', 'off', true)
),
clock AS MATERIALIZED (
    SELECT coalesce(:now, (extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint) AS now FROM quickly
)
UPDATE nuvom.workers SET lease_until = clock.now + :lease, beat_at = clock.now
FROM clock
WHERE id = ANY (:ids::text[]) AND lease_until > clock.now
RETURNING id;
