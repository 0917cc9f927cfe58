-- Forget ended schedules that have no row in the ledger any more; one that somebody has locked is left for later.
WITH over AS MATERIALIZED (
    SELECT fence.schedule_id
    FROM pg_catalog.unnest($1::uuid[]) AS said (id)
    CROSS JOIN LATERAL (
        SELECT schedule_id FROM nuvom.fences
        WHERE fences.schedule_id = said.id AND ended_at < $2
            AND NOT EXISTS (SELECT 1 FROM nuvom.occurrences WHERE occurrences.schedule_id = fences.schedule_id)
        FOR UPDATE OF fences SKIP LOCKED
    ) AS fence
)
DELETE FROM nuvom.fences USING over WHERE fences.schedule_id = over.schedule_id;
