-- One step was applied.
INSERT INTO migrations (version, compatible_from, name, applied_at)
VALUES (:version, :compatible_from, :name, :applied_at);
