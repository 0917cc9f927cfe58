-- Which privileges this role lacks; one on some columns of a table counts, as a role may be given no more.
SELECT wanted.place, wanted.privilege
FROM unnest(:places::text[], :privileges::text[]) AS wanted (place, privilege)
LEFT JOIN pg_catalog.pg_namespace AS home ON home.nspname = :schema
LEFT JOIN pg_catalog.pg_class AS found ON found.relnamespace = home.oid AND found.relname = wanted.place
WHERE home.oid IS NULL OR found.oid IS NULL OR NOT pg_catalog.has_schema_privilege(home.oid, 'USAGE')
    OR NOT CASE wanted.privilege
        WHEN 'DELETE' THEN pg_catalog.has_table_privilege(found.oid, 'DELETE')
        ELSE pg_catalog.has_any_column_privilege(found.oid, wanted.privilege)
    END;
