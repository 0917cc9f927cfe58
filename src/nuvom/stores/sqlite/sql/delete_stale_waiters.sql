-- Those who died in their sleep.
DELETE FROM waiters WHERE until < :now;
