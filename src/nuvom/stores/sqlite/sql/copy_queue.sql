-- Store a paused queue as it was elsewhere; what is there stays.
INSERT INTO paused_queues (
    queue, since, note
)
VALUES (
    ?1, ?2, ?3
)
ON CONFLICT (queue) DO NOTHING;
