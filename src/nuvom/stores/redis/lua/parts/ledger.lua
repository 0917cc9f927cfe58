-- needs: store, jobs, insert
-- The ledger: one row for each occurrence that came due.

-- Copies to the row of a job that is pruned how it ended; nothing where it has none. The job's fields are there still.
function Ledger.job_gone(job) end
