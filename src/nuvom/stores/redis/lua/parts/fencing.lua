-- needs: store, schedules, advancing
-- What fences say of items that are delivered for schedules kept elsewhere.

-- Returns why an item may not be delivered, by the fence of its schedule and its open runs; nil where it may.
function Fencing.refusal(item)
  local fence = Schedules.fence(item.id)
  if fence and fence.ended_at ~= '-' then
    return 'gone'
  end
  if fence and tonumber(item.generation) < tonumber(fence.generation) then
    return 'generation'
  end
  return Advancing.moved_on(item) and 'open_runs' or nil
end

-- Ends the fence of a schedule with nothing left to run; the same end twice is one end.
function Fencing.finish(item)
  local fence, head = Schedules.fence(item.id), Schedules.read(item.head)
  head.generation, head.state, head.updated_at = Schedules.newer(head), 'done', int(now)
  head.next_nominal, head.next_run, head.run_count = '-', '-', int(head.run_count + item.runs)
  if not fence or tonumber(head.generation) > tonumber(fence.generation) then
    head.seq = fence and fence.seq or '-'
    Schedules.keep(item.id, head, int(now), item.definition)
  end
end
