-- needs: store, jobs, insert, ledger, schedules
-- Replace a schedule that has the generation which was read, and record rows. ARGV: 2 JSON with `id`, `head` (whose
-- generation is the one that was read), `name`, `ends` and `rows`; 3 the definition. Returns what came of it: nothing, `taken`
-- and by whom, or `put` with the generation, the count of runs and the time of the change.
local said = cjson.decode(ARGV[2])
local stored, head = Schedules.head(said.id), Schedules.read(said.head)
if not stored or stored.generation ~= head.generation then
  return {}
end
local owner = not said.ends and Schedules.owner(said.id, said.name)
if owner then
  return {'taken', owner}
end
Ledger.record(said.rows, {})
head.run_count = stored.run_count  -- a dispatch since it was read counted a run and left the generation as it is
if said.ends then
  stored.note, stored.paused_at, stored.zone = head.note, head.paused_at, head.zone
  Schedules.finish(said.id, stored, head.state, ARGV[3])
  return {'put', stored.generation, stored.run_count, int(now)}
end
head.generation, head.updated_at = Schedules.newer(stored), int(now)
Schedules.put(said.id, stored, head, ARGV[3], said.name)
return {'put', head.generation, head.run_count, int(now)}
