-- needs: store, jobs
-- Unique jobs: which other one stands for one that is pushed. Written anew by whoever builds uniqueness.

function Unique.ended(job) end
