-- A lease that lives is extended; one that ran out stays dead.
UPDATE workers SET lease_until = :lease_until, beat_at = :now
WHERE id = :id AND boot = :boot AND lease_until > :monotonic;
