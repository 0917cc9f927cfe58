-- The oldest of the newest rows of each schedule, which stay while it lives; $2 is how many those are, less one.
SELECT asked.id, kept.nominal
FROM pg_catalog.unnest($1::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT nominal FROM nuvom.occurrences WHERE schedule_id = asked.id
    ORDER BY nominal DESC, source DESC
    LIMIT 1 OFFSET $2
) AS kept;
