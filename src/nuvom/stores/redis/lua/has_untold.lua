-- needs: store
-- Tell whether a failure that its worker does not know of waits for one of the tasks in ARGV[2], JSON.
local known = {}
for _, task in ipairs(call('SMEMBERS', P .. 'untold')) do
  known[task] = true
end
for _, task in ipairs(next(known) and cjson.decode(ARGV[2]) or {}) do
  if known[task] then
    return 1
  end
end
return 0
