"""Schedulers: what turns due schedules into jobs, each occurrence exactly once."""
