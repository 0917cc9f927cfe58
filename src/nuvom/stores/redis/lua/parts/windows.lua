-- needs: store
-- The arithmetic of a flow, the same as in windows.py, which says why: how many more of its jobs may start now, and when
-- the next may. A rate is {limit, period}, starts are {end, count} by their ends. No command is called here.
local SLICES = 50
local SLACK = 40
local GRANTED = 1000

Windows.GRANTED = GRANTED

local function window(rate)
  return rate.period + math.floor(rate.period / SLACK)
end

-- Returns the starts that still count at a moment, the oldest first, with `more` that start then.
function Windows.counted(starts, rate, moment, more)
  local width = math.max(1, math.floor(rate.period / SLICES))
  local current = moment - moment % width + width
  local kept, ends = {}, {}
  local function count(at, number)
    if not kept[at] then
      kept[at] = 0
      ends[#ends + 1] = at
    end
    kept[at] = kept[at] + number
  end
  for _, slice in ipairs(starts) do
    local at = slice[1]
    if at + window(rate) > moment then
      count(at > moment + width and current or at, slice[2])
    end
  end
  if more > 0 then
    count(current, more)
  end
  table.sort(ends)
  local found = {}
  for number, at in ipairs(ends) do
    found[number] = {at, kept[at]}
  end
  return found
end

local function opens_at(rate, ready, used, starts)
  local left = ready + used
  for _, slice in ipairs(starts) do
    left = left - slice[2]
    if left < rate.limit then
      return slice[1] + window(rate)
    end
  end
  return nil
end

-- Returns how many more jobs may become ready (below 0: how many must wait again), and when the rate lets the next one
-- start if all of that room is used.
function Windows.opening(concurrency, rate, ready, running, starts)
  local room = GRANTED - ready
  if concurrency then
    room = math.min(room, concurrency - ready - running)
  end
  if not rate then
    return math.max(room, -ready), nil
  end
  local used = 0
  for _, slice in ipairs(starts) do
    used = used + slice[2]
  end
  local by_rate = rate.limit - used - ready
  if by_rate > room then
    return math.max(room, -ready), nil
  end
  return math.max(by_rate, -ready), opens_at(rate, ready + math.max(by_rate, 0), used, starts)
end
