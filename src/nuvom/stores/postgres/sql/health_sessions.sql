-- The oldest transactions that keep dead rows of this database from being removed, and for how many seconds they have;
-- what a session said is nobody's business.
SELECT *
FROM (
    SELECT
        pid::bigint, coalesce(nullif(application_name, ''), 'no name') AS name, usename::text AS role,
        extract(epoch FROM pg_catalog.statement_timestamp() - xact_start)::double precision AS age
    FROM pg_catalog.pg_stat_activity
    WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_catalog.pg_backend_pid()
        AND datname = pg_catalog.current_database() AND backend_type <> 'autovacuum worker'
    UNION ALL
    SELECT
        NULL, gid, owner::text,
        extract(epoch FROM pg_catalog.statement_timestamp() - prepared)::double precision
    FROM pg_catalog.pg_prepared_xacts
    WHERE database = pg_catalog.current_database()
) AS open
WHERE age > $1::double precision
ORDER BY age DESC
LIMIT 3;
