-- What runs there, and the settings that decide what a crash may cost.
SELECT
    pg_catalog.current_setting('server_version'),
    pg_catalog.current_setting('server_version_num')::bigint,
    pg_catalog.current_setting('server_encoding'),
    pg_catalog.pg_is_in_recovery() OR pg_catalog.current_setting('transaction_read_only') = 'on',
    pg_catalog.current_setting('fsync'),
    pg_catalog.current_setting('full_page_writes'),
    pg_catalog.current_setting('synchronous_commit'),
    pg_catalog.current_setting('autovacuum'),
    pg_catalog.pg_notification_queue_usage()::double precision,
    current_user::text;
