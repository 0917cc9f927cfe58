-- needs: store, schedules
-- Store definitions as a fence elsewhere has them, all or none. ARGV[2] is JSON, a list of `id`, `head`, `definition` and
-- `name`. Returns nothing, or the number of the first whose name is another's, and whose that is.
local newer, owners = {}, {}
for number, item in ipairs(cjson.decode(ARGV[2])) do
  item.old, item.fence, item.new = Schedules.head(item.id), Schedules.fence(item.id), Schedules.read(item.head)
  item.ends = item.new.state == 'done' or item.new.state == 'cancelled'
  local known = math.max(tonumber(item.old and item.old.generation or -1), tonumber(item.fence and item.fence.generation or -1))
  if known < tonumber(item.new.generation) then
    newer[#newer + 1] = item
    if not item.ends and item.name then
      local owner = owners[item.name] or Schedules.owner(item.id, item.name)
      if owner and owner ~= item.id then
        return {number, owner}
      end
      owners[item.name] = item.id
    end
  end
end
for _, item in ipairs(newer) do
  if not item.ends then
    Schedules.put(item.id, item.old, item.new, item.definition, item.name)
  else  -- also of what is not here: so that an earlier definition which arrives later changes nothing
    local kept = item.old or item.fence
    if item.old then
      Schedules.remove(item.id, item.old)
    end
    item.new.seq = kept and kept.seq or '-'
    Schedules.keep(item.id, item.new, int(now), item.definition)
  end
end
Wake.say('scheduler')
return {}
