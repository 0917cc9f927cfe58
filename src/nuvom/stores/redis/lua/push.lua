-- needs: store, plain_push, jobs, insert
-- Store jobs, all or none. ARGV[2] is their JSON; see plain_push.lua where it is empty. Returns for each the id of the job
-- that stands for it, empty if it is new; nothing where all are new.
local jobs = given(2) and cjson.decode(ARGV[2]) or Plain.jobs()
local standing = Insert.all(jobs)
Jobs.settle()
return standing
