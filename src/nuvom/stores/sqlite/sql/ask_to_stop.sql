-- Ask the task of a running job to stop; a repeat changes nothing.
UPDATE jobs SET cancel_at = coalesce(cancel_at, :now) WHERE id = :id AND state = 'running';
