-- The record of applied migrations; it comes before the first of them.
CREATE TABLE IF NOT EXISTS migrations (
    version         INTEGER PRIMARY KEY,
    compatible_from INTEGER NOT NULL,
    name            TEXT NOT NULL,
    applied_at      INTEGER NOT NULL
) STRICT;
