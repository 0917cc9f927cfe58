-- Store paused queues as they were elsewhere; what is there stays.
INSERT INTO nuvom.paused_queues (
    queue, since, note
)
SELECT
    said.queue, said.since, said.note
FROM unnest(
    :queue::text[], :since::bigint[], :note::text[]
) WITH ORDINALITY AS said (
    queue, since, note, place
)
ORDER BY said.place
ON CONFLICT (queue) DO NOTHING
RETURNING 1;
