-- A process ended in an orderly way.
DELETE FROM nuvom.workers WHERE id = $1;
