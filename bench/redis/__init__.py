"""Benches on a Redis or Valkey server: what those on the default file do, and what a job takes of its memory."""
