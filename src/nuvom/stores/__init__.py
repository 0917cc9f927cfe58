"""Stores: where jobs, leases, schedules and the ledger are kept."""
