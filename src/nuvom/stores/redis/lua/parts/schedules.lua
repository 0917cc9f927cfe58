-- needs: store
-- Schedules: `schedules` has their definitions, which scripts move and do not read, and `schedule_heads` what changes of
-- them. A head is words, `-` for none, and then the note, which may be any text. `due` has the active ones by next run,
-- `schedule_list` all in the order in which they came, `names` their names, `zone:<release>` the active cron schedules by
-- the release of the tz database that computed their next run. A schedule that ended, or is kept elsewhere, has its head in
-- `fences`, after when it ended, and its definition in `fence_definitions`; `fences_changed` has those that are not done, by
-- their generations.
-- Who pauses all says so of `due` as a whole, which becomes `resting`: a schedule there is paused since `rest` says, whatever
-- its head says, which a later step writes. So heads are read by `Schedules.heads` and in no other way.
local HEAD = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$'
local NAMED = '{"name":"'  -- how the definition of a schedule with a name begins

function Schedules.read(text)
  local generation, state, next_nominal, next_run, run_count, seq, updated_at, paused_at, zone, note
    = string.match(text, HEAD)
  return {
    generation = generation, state = state, next_nominal = next_nominal, next_run = next_run, run_count = run_count,
    seq = seq, updated_at = updated_at, paused_at = paused_at, zone = zone, note = note,
  }
end

function Schedules.text(head)
  return head.generation .. ' ' .. head.state .. ' ' .. head.next_nominal .. ' ' .. head.next_run
    .. ' ' .. head.run_count .. ' ' .. head.seq .. ' ' .. head.updated_at .. ' ' .. head.paused_at
    .. ' ' .. head.zone .. ' ' .. head.note
end

-- Returns the generation after a head's: it only grows, also over lives of an id whose rows are gone.
function Schedules.newer(head)
  return int(math.max(tonumber(head.generation) + 1, now))
end

function Schedules.place(id, head)
  return string.format('%012x', head.seq) .. id
end

-- Returns the head of a schedule that moves on, by how it is to begin and what followed that; and its place in `due`.
function Schedules.moved(id, begins, rest, runs)
  local count, seq, more = string.match(rest, '^(%d+) (%d+) (.*)$')
  return begins .. int(count + runs) .. ' ' .. seq .. ' ' .. more, Schedules.place(id, {seq = seq})
end

local function leave_zone(id, zone)
  if zone ~= '-' then
    call('SREM', P .. 'zone:' .. zone, id)
    if call('EXISTS', P .. 'zone:' .. zone) == 0 then
      call('SREM', P .. 'zones', zone)
    end
  end
end

local is_resting = call('EXISTS', P .. 'resting') == 1

-- Returns the head of a schedule as it is; that of a text which was written before all were paused is another one.
local function rested(id, text)
  local head = Schedules.read(text)
  if head.state ~= 'active' or not call('ZSCORE', P .. 'resting', Schedules.place(id, head)) then
    return text
  end
  local rest = call('HMGET', P .. 'rest', 'at', 'note')
  head.state, head.note, head.paused_at, head.updated_at = 'paused', rest[2], rest[1], rest[1]
  head.generation = int(math.max(tonumber(head.generation) + 1, tonumber(rest[1])))
  return Schedules.text(head)
end

-- Returns the heads of schedules as texts, false for those that are not here.
function Schedules.heads(ids)
  local texts = hash_of('schedule_heads', ids)
  for number, text in ipairs(is_resting and texts or {}) do
    texts[number] = text and rested(ids[number], text)
  end
  return texts
end

-- Pauses all that are active; returns how many those are, nothing while others are yet to be told of a pause before.
function Schedules.rest(note)
  if is_resting then
    return nil
  end
  local count = call('ZCARD', P .. 'due')
  if count > 0 then
    call('RENAME', P .. 'due', P .. 'resting')
    call('HSET', P .. 'rest', 'at', int(now), 'note', note)
  end
  return count
end

-- Writes into the heads of so many schedules that they were paused; returns whether there may be more.
function Schedules.settle_rest(limit)
  local places = call('ZRANGE', P .. 'resting', 0, limit - 1)
  local ids, written = Schedules.at(places), {}
  for number, text in ipairs(Schedules.heads(ids)) do
    if text then  -- else somebody deleted it
      written[#written + 1] = ids[number]
      written[#written + 1] = text
      leave_zone(ids[number], Schedules.read(text).zone)
    end
  end
  in_parts('HSET', P .. 'schedule_heads', written)
  in_parts('ZREM', P .. 'resting', places)
  return #places == limit
end

local function name_of(definition)
  if definition and string.sub(definition, 1, #NAMED) == NAMED then
    local fine, said = pcall(cjson.decode, definition)
    return fine and said.name or nil
  end
end

local function unlist(id, head)
  if head.state == 'active' then
    call('ZREM', P .. 'due', Schedules.place(id, head))
    leave_zone(id, head.zone)
  elseif is_resting and call('ZREM', P .. 'resting', Schedules.place(id, head)) == 1 then
    leave_zone(id, head.zone)
  end
end

local function list(id, head)
  if head.state ~= 'active' then
    return
  end
  call('ZADD', P .. 'due', head.next_run, Schedules.place(id, head))
  if head.zone ~= '-' then
    call('SADD', P .. 'zones', head.zone)
    call('SADD', P .. 'zone:' .. head.zone, id)
  end
end

-- Changes fields of a schedule's head, and its definition where one is given.
function Schedules.change(id, head, fields, definition)
  unlist(id, head)
  for name, value in pairs(fields) do
    head[name] = value
  end
  call('HSET', P .. 'schedule_heads', id, Schedules.text(head))
  if definition then
    call('HSET', P .. 'schedules', id, definition)
  end
  list(id, head)
end

-- Returns who else has a name, nil where it is free.
function Schedules.owner(id, name)
  local owner = name and call('HGET', P .. 'names', name)
  if owner and owner ~= id and call('HEXISTS', P .. 'schedule_heads', owner) == 1 then
    return owner
  end
end

-- Stores a living schedule in place of the one whose head is `old`, if there is one, and wakes schedulers; from now on its
-- head says the newest generation and no fence does. `head` has the words of the new one, save its place in the listing.
function Schedules.put(id, old, head, definition, name)
  if old then
    local before = name_of(call('HGET', P .. 'schedules', id))
    if before and before ~= name then
      call('HDEL', P .. 'names', before)
    end
    unlist(id, old)
    head.seq = old.seq
  else
    head.seq = int(call('INCR', P .. 'schedule_seq'))
    call('ZADD', P .. 'schedule_list', head.seq, id)
  end
  if name then
    call('HSET', P .. 'names', name, id)
  end
  call('HSET', P .. 'schedule_heads', id, Schedules.text(head))
  call('HSET', P .. 'schedules', id, definition)
  list(id, head)
  Schedules.forget(id)
  Wake.say('scheduler')
end

-- Takes a living schedule out of where it is kept; returns its definition.
function Schedules.remove(id, head)
  local definition = call('HGET', P .. 'schedules', id)
  local name = name_of(definition)
  if name and call('HGET', P .. 'names', name) == id then
    call('HDEL', P .. 'names', name)
  end
  unlist(id, head)
  call('ZREM', P .. 'schedule_list', id)
  call('HDEL', P .. 'schedule_heads', id)
  call('HDEL', P .. 'schedules', id)
  return definition or ''
end

-- Keeps a head and a definition as the fence of a schedule that is not here, or no more.
function Schedules.keep(id, head, ended_at, definition)
  call('HSET', P .. 'fences', id, ended_at .. ' ' .. Schedules.text(head))
  call('HSET', P .. 'fence_definitions', id, definition)
  if head.state == 'done' then
    call('ZREM', P .. 'fences_changed', id)
  else
    call('ZADD', P .. 'fences_changed', head.generation, id)
  end
end

-- Forgets the fence of a schedule.
function Schedules.forget(id)
  if call('HDEL', P .. 'fences', id) == 1 then
    call('HDEL', P .. 'fence_definitions', id)
    call('ZREM', P .. 'fences_changed', id)
  end
end

-- Moves a living schedule to its fence, with the definition that is stored if none is given.
function Schedules.finish(id, head, state, definition)
  local stored = Schedules.remove(id, head)
  head.generation, head.state, head.updated_at = Schedules.newer(head), state, int(now)
  head.next_nominal, head.next_run = '-', '-'
  Schedules.keep(id, head, int(now), definition or stored)
end

-- Sets a schedule aside that cannot be read or planned.
function Schedules.set_aside(id, head, reason)
  local fields = {state = 'quarantined', generation = Schedules.newer(head), updated_at = int(now), note = '+' .. reason}
  Schedules.change(id, head, fields)
end

-- Returns the head of a schedule that lives here, nil where there is none.
function Schedules.head(id)
  local text = Schedules.heads({id})[1]
  return text and Schedules.read(text) or nil
end

-- Returns the fence of a schedule as its head, with when it ended; nil where there is none.
function Schedules.fence(id)
  local text = call('HGET', P .. 'fences', id)
  if text then
    local ended_at, rest = string.match(text, '^(%S+) (.*)$')
    local head = Schedules.read(rest)
    head.ended_at = ended_at
    return head
  end
end

-- Returns ids, heads and definitions.
function Schedules.told(ids)
  return {ids, Schedules.heads(ids), hash_of('schedules', ids)}
end

-- Returns the ids at places of `due`.
function Schedules.at(places)
  local ids = {}
  for number, place in ipairs(places) do
    ids[number] = string.sub(place, 13)
  end
  return ids
end
