-- needs: store, jobs, insert, ledger, schedules
-- Store a schedule, if what was read of its id is still what is there. ARGV: 2 JSON with `id`, `read` (the head), `fence`,
-- `head`, `name` and `rows` to record; 3 the definition. Returns what came of it: `put`, `lost`, or `taken` and by whom.
local said = cjson.decode(ARGV[2])
local text = Schedules.heads({said.id})[1] or nil
if text ~= said.read or not text and (call('HGET', P .. 'fences', said.id) or nil) ~= said.fence then
  return {'lost'}
end
local owner = Schedules.owner(said.id, said.name)
if owner then
  return {'taken', owner}
end
Ledger.record(said.rows, {})
Schedules.put(said.id, text and Schedules.read(text), Schedules.read(said.head), ARGV[3], said.name)
return {'put'}
