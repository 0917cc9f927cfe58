-- Whether any row is so old that forget_workers.sql or delete_stale_waiters.sql may find something.
SELECT EXISTS (
    SELECT 1 FROM workers WHERE beat_at < :before AND NOT (boot = :boot AND lease_until > :monotonic)
) OR EXISTS (SELECT 1 FROM waiters WHERE until < :now);
