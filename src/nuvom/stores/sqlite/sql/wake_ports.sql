-- Where the live processes of a kind listen.
SELECT port FROM workers WHERE kind = ?1 AND port IS NOT NULL AND boot = ?2 AND lease_until > ?3;
