-- A new life supersedes the old one: its row says the newest generation from now on.
DELETE FROM nuvom.fences WHERE schedule_id = $1::uuid;
