-- How large each table is, what vacuum has to do there, when it last did it, and whether it is told not to.
SELECT
    found.relname::text,
    pg_catalog.pg_total_relation_size(found.oid),
    coalesce(seen.n_live_tup, 0),
    coalesce(seen.n_dead_tup, 0),
    extract(
        epoch FROM pg_catalog.statement_timestamp() - greatest(seen.last_autovacuum, seen.last_vacuum)
    )::double precision,
    EXISTS (
        SELECT 1 FROM pg_catalog.unnest(found.reloptions) AS option
        WHERE option IN ('autovacuum_enabled=false', 'autovacuum_enabled=off', 'autovacuum_enabled=0')
    )
FROM pg_catalog.pg_class AS found
JOIN pg_catalog.pg_namespace AS home ON home.oid = found.relnamespace
LEFT JOIN pg_catalog.pg_stat_all_tables AS seen ON seen.relid = found.oid
WHERE home.nspname = $1 AND found.relkind = 'r'
ORDER BY found.relname;
