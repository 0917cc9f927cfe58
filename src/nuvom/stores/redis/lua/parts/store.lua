-- What every script begins with: how keys are named, what time it is, how numbers are written, who is woken.
-- KEYS[1] is what all keys begin with, a hash tag, so that a cluster keeps them in one slot; ARGV[1] is a test's clock.
local P = KEYS[1]
local call = redis.call

local function clock()
  if ARGV[1] ~= '' then
    return tonumber(ARGV[1])
  end
  local time = call('TIME')
  return time[1] * 1000000 + time[2]
end

local now = clock()  -- microseconds since 1970, as all times are: a double holds them exactly until 2255

-- Lua would write a large number with an exponent.
local function int(number)
  return string.format('%.0f', number)
end

-- An argument that may be empty, which means none.
local function given(place)
  local value = ARGV[place]
  if value ~= '' then
    return value
  end
end

-- Calls a command with a list of any length, in parts: Lua hands over some thousands of values at most.
local PART = 4000
local function in_parts(command, key, list)
  for from = 1, #list, PART do
    call(command, key, unpack(list, from, math.min(from + PART - 1, #list)))
  end
end

-- The values of fields of a hash, `false` for those that are not there.
local function hash_of(key, fields)
  local found = {}
  for from = 1, #fields, PART do
    for place, value in ipairs(call('HMGET', P .. key, unpack(fields, from, math.min(from + PART - 1, #fields)))) do
      found[from + place - 1] = value
    end
  end
  return found
end

-- Adds all of one list to another.
local function append(list, more)
  for _, each in ipairs(more) do
    list[#list + 1] = each
  end
end

-- A hash or any list of names and values as a table.
local function as_table(flat)
  local found = {}
  for place = 1, #flat, 2 do
    found[flat[place]] = flat[place + 1]
  end
  return found
end

-- The texts of a list, JSON, as a set; empty where none is given.
local function set_of(json)
  local found = {}
  for _, text in ipairs(json and cjson.decode(json) or {}) do
    found[text] = true
  end
  return found
end

-- Tells whether more than a queue and a priority is said of the jobs of a task.
local function is_limited(said)
  return said.concurrency or said.rate or said.unique or said.expires_in
end

-- The parts of which scripts are made, each in a file of its name; they may call each other. What a script is made of is
-- put into these: most scripts are made of few of them, and thirty tables cost each call 8 µs.
local Ready, Suspects, Jobs, Keys, Flows, Unique, Insert, Endings, Ended, Losses, Workers, Windows, Candidates
local Ledger, Schedules, Advancing, Dispatching, Fencing, Pruning, Listing, Queues, Upkeep
local Wake = {}
local woken = {}

-- Says once a script that there may be something to do: to processes of a kind, or to one sleeper.
function Wake.say(kind)
  if not woken[kind] then
    woken[kind] = true
    redis.pcall('PUBLISH', P .. 'wake', kind)  -- whoever may not say it has done all else: sleepers look by themselves
  end
end
