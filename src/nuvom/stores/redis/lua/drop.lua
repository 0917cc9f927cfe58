-- needs: store
-- Unlink the keys of this store that a step of a scan meets. ARGV: 2 the scan's cursor, 3 how many it looks at. Returns the
-- cursor of the next step, 0 after the last (https://redis.io/docs/latest/commands/scan/).
local pattern = string.gsub(P, '[%[%]*?\\]', '\\%0') .. '*'
local answer = call('SCAN', ARGV[2], 'MATCH', pattern, 'COUNT', ARGV[3])
if #answer[2] > 0 then
  call('UNLINK', unpack(answer[2]))
end
return answer[1]
