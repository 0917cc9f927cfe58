-- Whether anybody waits for any result.
SELECT 1 FROM waiters LIMIT 1;
