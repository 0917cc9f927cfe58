"""Two stores as one: jobs, ledger and fences in the queue store, schedules in another."""
