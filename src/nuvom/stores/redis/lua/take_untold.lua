-- needs: store, jobs
-- Take the failures that no worker knows of, of some tasks. ARGV: 2 JSON of the tasks, 3 how many at most. Returns the ids
-- of those that are there.
local left = tonumber(ARGV[3])
local told = {}
for _, task in ipairs(cjson.decode(ARGV[2])) do
  local key = P .. 'untold:' .. task
  local ids = left > 0 and call('ZRANGE', key, 0, left - 1) or {}
  for _, id in ipairs(ids) do
    if call('HGET', Jobs.key(id), 'state') == 'failed' then
      told[#told + 1] = id
    end
  end
  left = left - #ids
  in_parts('ZREM', key, ids)
  if call('EXISTS', key) == 0 then
    call('SREM', P .. 'untold', task)
  end
end
return told
