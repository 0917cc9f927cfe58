-- needs: store, jobs, insert
-- Store jobs, all or none. ARGV[2] is their JSON. Returns for each the id of the job that stands for it, empty if it is new.
local jobs = cjson.decode(ARGV[2])
local standing = Insert.all(jobs)
Jobs.settle()
return standing
