-- How many connections this role may have at all, and how many there are; no role is refused a look at these.
SELECT
    least(
        pg_catalog.current_setting('max_connections')::bigint
        - pg_catalog.current_setting('superuser_reserved_connections')::bigint
        - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::bigint,
        (
            SELECT nullif(datconnlimit, -1)::bigint FROM pg_catalog.pg_database
            WHERE datname = pg_catalog.current_database()
        ),
        (SELECT nullif(rolconnlimit, -1)::bigint FROM pg_catalog.pg_roles WHERE rolname = current_user)
    ),
    (SELECT pg_catalog.sum(numbackends)::bigint FROM pg_catalog.pg_stat_database);
