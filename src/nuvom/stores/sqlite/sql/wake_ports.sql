-- Where the live processes of a kind listen.
SELECT port FROM workers WHERE kind = :kind AND port IS NOT NULL AND boot = :boot AND lease_until > :monotonic;
