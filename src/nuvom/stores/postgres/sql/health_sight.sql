-- Whether this role is shown what the sessions of others do.
SELECT pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE');
