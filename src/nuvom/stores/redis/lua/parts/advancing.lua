-- needs: store, ledger, schedules
-- What a dispatch does to the schedules themselves: they move on, end or are set aside, where they are as it was planned.

-- Tells whether the open runs say something else by now than an item was made for.
function Advancing.moved_on(item)
  return item.blocked ~= nil and Ledger.blocks(item.id, item.overlap) ~= item.blocked
end

local function refusal(item, head)
  if not head then
    return 'gone'
  elseif head.generation ~= item.generation then
    return 'generation'
  elseif head.state ~= 'active' then
    return 'state'
  elseif head.next_run ~= item.expected then
    return 'next_run'
  end
end

-- Returns the items that fit, each with the head of its schedule, and {id, reason} of the others. What cannot be planned is
-- set aside. Of an item that comes twice the second finds the schedule as the first will leave it.
function Advancing.fitting(items)
  local fitting, refused, ids, taken = {}, {}, {}, {}
  for number, item in ipairs(items) do
    ids[number] = item.id
  end
  local heads = Schedules.heads(ids)
  for number, item in ipairs(items) do
    local text = heads[number]
    -- How the head of one begins that is as it was read: most are, and need not be taken apart.
    local begins = item.generation .. ' active ' .. item.nominal .. ' ' .. item.expected .. ' '
    local same = text and string.sub(text, 1, #begins) == begins
    local head = text and not same and Schedules.read(text)
    local reason = Advancing.moved_on(item) and 'open_runs' or not same and refusal(item, head) or taken[item.id]
    if reason then
      refused[#refused + 1] = {item.id, reason}
    elseif item.quarantine then
      taken[item.id] = 'generation'
      Schedules.set_aside(item.id, head or Schedules.read(text), item.quarantine)
    else
      taken[item.id] = item.next_run and 'next_run' or 'gone'
      item.text, item.rest = text, same and string.sub(text, #begins + 1)
      fitting[#fitting + 1] = item
    end
  end
  return fitting, refused
end

-- Moves or ends the schedules of items that fit, and counts their runs.
function Advancing.settle(items)
  local heads, due = {}, {}
  for _, item in ipairs(items) do
    if item.next_run and item.rest and not item.definition then
      local begins = item.generation .. ' active ' .. item.next_nominal .. ' ' .. item.next_run .. ' '
      local head, place = Schedules.moved(item.id, begins, item.rest, item.runs)
      append(heads, {item.id, head})
      append(due, {item.next_run, place})
    else
      local head = Schedules.read(item.text)
      head.run_count = int(head.run_count + item.runs)
      if item.next_run then
        local moved = {next_nominal = item.next_nominal, next_run = item.next_run, zone = item.zone or head.zone}
        Schedules.change(item.id, head, moved, item.definition)
      else
        Schedules.finish(item.id, head, 'done')
      end
    end
  end
  in_parts('HSET', P .. 'schedule_heads', heads)
  in_parts('ZADD', P .. 'due', due)
end
