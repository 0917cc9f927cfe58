-- needs: store, jobs, endings
-- End a lease in an orderly way: what the process still held may run again, free of charge. ARGV[2] is its id.
local worker = ARGV[2]
local index = P .. 'running:' .. worker
local left = Jobs.of(index, call('ZRANGE', index, 0, -1))
for _, job in ipairs(left) do
  Endings.go_on(job, {})
end
call('ZREM', P .. 'leases', worker)
call('ZREM', P .. 'gone', worker)
call('DEL', P .. 'worker:' .. worker)
Jobs.settle()
return #left
