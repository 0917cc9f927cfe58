-- Ask the tasks of running jobs to stop; a repeat changes nothing.
UPDATE nuvom.jobs SET cancel_at = $2 WHERE seq = ANY ($1::bigint[]) AND cancel_at IS NULL;
