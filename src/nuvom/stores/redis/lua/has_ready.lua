-- needs: store, ready, jobs, suspects
-- Tell whether a claim would find something. ARGV: 2 JSON of the queues (none: all), 3 JSON of tasks to pass over (none:
-- none), 4 the latest run_at (none: any).
local wanted, excluding, latest = given(2), given(3), tonumber(ARGV[4])
if Suspects.best(wanted, excluding, latest) then
  return 1
end
if not wanted and not excluding and not latest then
  return call('EXISTS', P .. 'priorities')
end
local PAGE = 100
local passed = {}
for _, task in ipairs(excluding and cjson.decode(excluding) or {}) do
  passed[task] = true
end
local queues = wanted and cjson.decode(wanted)

local function has_fitting(band)
  local from = 0
  while true do
    local page = call('ZRANGE', band, from, from + PAGE - 1, 'WITHSCORES')
    for at = 1, #page, 2 do
      if latest and tonumber(page[at + 1]) > latest then
        return false
      end
      if not excluding or not passed[call('HGET', Jobs.key(Jobs.id(page[at])), 'task')] then
        return true
      end
    end
    if #page < 2 * PAGE then
      return false
    end
    from = from + PAGE
  end
end

for _, priority in ipairs(call('ZRANGE', P .. 'priorities', 0, -1)) do
  local heads = P .. 'heads:' .. priority
  for _, queue in ipairs(queues or call('ZRANGE', heads, 0, -1)) do
    if call('ZSCORE', heads, queue) and has_fitting(Ready.band(queue, priority)) then
      return 1
    end
  end
end
return 0
