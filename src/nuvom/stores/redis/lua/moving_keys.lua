-- needs: store
-- The next keys of all rows of a kind, on their way to another store. ARGV: 2 the kind, 3 the place after which it goes on
-- (none: from the first), 4 how many at most, but for a scan of a hash. Returns the keys, and the place after them, empty
-- at the end.
local after, limit = given(3), tonumber(ARGV[4])

local function of_hash(key)
  local answer = call('HSCAN', P .. key, after or '0', 'COUNT', limit)
  local keys = {}
  for at = 1, #answer[2], 2 do
    keys[#keys + 1] = answer[2][at]
  end
  return {keys, answer[1] ~= '0' and answer[1] or ''}
end

local function by_text(key)
  local keys = call('ZRANGEBYLEX', P .. key, after and '(' .. after or '-', '+', 'LIMIT', 0, limit)
  return {keys, #keys == limit and keys[#keys] or ''}
end

local function by_seq(key)
  local found = call('ZRANGEBYSCORE', P .. key, after and '(' .. after or '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
  local keys = {}
  for at = 1, #found, 2 do
    keys[#keys + 1] = found[at]
  end
  return {keys, #keys == limit and found[#found] or ''}
end

local ways = {
  fences = of_hash, tasks = of_hash, paused = of_hash, ledger = by_text, flows = by_text, jobs = by_seq,
  schedule_list = by_seq,
}
return ways[ARGV[2]](ARGV[2])
