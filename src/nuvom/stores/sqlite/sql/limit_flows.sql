-- Give the flows of a task its new limits; each is opened anew as soon as it can be.
UPDATE flows SET concurrency = ?2, rate = ?3, opens_at = ?4, shut_at = ?4
WHERE task = ?1 AND (concurrency IS NOT ?2 OR rate IS NOT ?3);
