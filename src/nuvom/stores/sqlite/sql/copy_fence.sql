-- Store a fence as it was elsewhere; not one of a schedule that lives here, which says more.
INSERT INTO fences (
    schedule_id, generation, state, definition, ended_at
)
SELECT
    ?1, ?2, ?3, ?4, ?5
WHERE NOT EXISTS (SELECT 1 FROM schedules WHERE id = ?1)
ON CONFLICT (schedule_id) DO NOTHING;
