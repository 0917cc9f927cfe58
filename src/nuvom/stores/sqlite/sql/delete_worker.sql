-- A process ended in an orderly way.
DELETE FROM workers WHERE id = ?1;
