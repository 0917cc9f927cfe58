"""The same benches on a PostgreSQL server: it does what it does for users, fsync and all."""
