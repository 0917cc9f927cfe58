-- Those who died in their sleep.
DELETE FROM nuvom.waiters WHERE until < $1;
