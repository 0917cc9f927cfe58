-- needs: store, jobs
-- Flows: the jobs of one kind that are limited together. Written anew by whoever builds limits.

function Flows.wait(job) end
function Flows.stop_waiting(job) end
function Flows.came_ready(job) end
function Flows.left_ready(job) end
function Flows.started(job) end
function Flows.left_running(job) end
