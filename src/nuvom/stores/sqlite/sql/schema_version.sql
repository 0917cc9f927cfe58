-- How far the schema is, and which release can still work on it.
SELECT coalesce(max(version), 0), coalesce(max(compatible_from), 0) FROM migrations;
