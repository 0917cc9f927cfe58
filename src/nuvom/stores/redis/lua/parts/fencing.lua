-- needs: store, ledger, schedules
-- Why an item of a plan may not be carried out any more.

-- Tells whether the open runs say something else by now than the plan was made for.
function Fencing.moved_on(item)
  return item.blocked ~= nil and Ledger.blocks(item.id, item.overlap) ~= item.blocked
end

-- Returns why an item may not be delivered, by the fence of its schedule and its open runs; nil where it may.
function Fencing.refusal(item)
  local fence = Schedules.fence(item.id)
  if fence and fence.ended_at ~= '-' then
    return 'gone'
  end
  if fence and tonumber(item.generation) < tonumber(fence.generation) then
    return 'generation'
  end
  return Fencing.moved_on(item) and 'open_runs' or nil
end
