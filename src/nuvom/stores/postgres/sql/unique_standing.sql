-- Jobs that stand for others of their kinds: one that waits (queued), one that is not final (done), or the newest that
-- was pushed after a moment, whatever became of it.
SELECT said.place, coalesce(
    (
        SELECT id FROM nuvom.jobs
        WHERE unique_key = said.kind AND finished_at IS NULL AND said.way = 'queued' AND state <> 'running'
        LIMIT 1
    ),
    (
        SELECT id FROM nuvom.jobs
        WHERE unique_key = said.kind AND finished_at IS NULL AND said.way = 'done'
        LIMIT 1
    ),
    (
        SELECT id FROM nuvom.jobs
        WHERE unique_key = said.kind AND created_at > said.since
        ORDER BY created_at DESC LIMIT 1
    )
)
FROM unnest(:place::bigint[], :kind::text[], :way::text[], :since::bigint[]) AS said (place, kind, way, since);
