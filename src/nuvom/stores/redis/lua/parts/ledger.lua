-- needs: store, jobs
-- The ledger: one row for each occurrence that came due. Scripts that record need `insert`, too.
-- A row's key is `<schedule>|<nominal>|<source>`, with the nominal time written so that texts are ordered as times are.
-- The hash `occurrences` has what became of it, the sorted set `ledger` the keys in order, and `requests` those that
-- somebody asked for, by what was asked. A row is words, `-` for none, and then its reason, which may be any text.
local ROW = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$'
local WORDS = {'recorded_at', 'outcome', 'job', 'lateness', 'last', 'count', 'utc_offset', 'status', 'started', 'finished'}
local ID, NOMINAL = 36, 19  -- how long these are in a key
local PAGE = 100
local set, listed, requests = {}, {}, {}  -- new rows that are yet to be written
local recorded_at = int(now)

local function read(text)
  local found = {string.match(text, ROW)}
  local row = {reason = found[#WORDS + 1]}
  for place, name in ipairs(WORDS) do
    row[name] = found[place]
  end
  return row
end

local function write(key, row)
  local words = {}
  for place, name in ipairs(WORDS) do
    words[place] = row[name]
  end
  words[#words + 1] = row.reason
  call('HSET', P .. 'occurrences', key, table.concat(words, ' '))
end

-- Returns microseconds, a text of up to 18 digits, as keys have them: of those before 1970 the complement.
local function nominal(microseconds)
  local below = string.sub(microseconds, 1, 1) == '-'
  local digits = below and string.sub(microseconds, 2) or microseconds
  digits = string.rep('0', NOMINAL - 1 - #digits) .. digits
  if below then
    return '0' .. (string.gsub(digits, '%d', function(digit) return 9 - digit end))
  end
  return '1' .. digits
end

-- Returns the keys that begin with a text, which ends with a bar.
local function beginning(set, text, ...)
  return call('ZRANGEBYLEX', P .. set, '[' .. text, '(' .. string.sub(text, 1, -2) .. '}', ...)
end

-- Returns what the index of requests has of a row, without and with its nominal time; nothing for the plan's own.
local function asked(key)
  local source = string.sub(key, ID + NOMINAL + 3)
  if source == '' then
    return nil
  end
  local request = string.sub(key, 1, ID) .. '|' .. #source .. '|' .. source .. '|'
  return request, request .. string.sub(key, ID + 2, ID + 1 + NOMINAL)
end

local function is_dispatched(key)
  local first = string.sub(key, 1, ID + NOMINAL + 2)
  for _, each in ipairs(beginning('ledger', first)) do
    if read(call('HGET', P .. 'occurrences', each)).outcome == 'dispatched' then
      return true
    end
  end
  return false
end

local function was_made(key, once)
  if once == 'dispatch' then
    return is_dispatched(key)
  end
  local request = once == 'request' and asked(key)
  return request and #beginning('requests', request, 'LIMIT', 0, 1) > 0
end

-- Says of rows which other job stands for theirs, by the number of each job in a batch.
local function skip(rows, jobs, standing, unique)
  local stands = {}
  for number, word in pairs(unique) do
    stands[jobs[number].id] = 'job ' .. standing[number] .. " stands for it: the task has unique='" .. word .. "'"
  end
  for job, key in pairs(rows) do
    if stands[job] then
      local row = read(call('HGET', P .. 'occurrences', key))
      row.outcome, row.job, row.lateness, row.reason = 'skipped_unique', '-', '-', '+' .. stands[job]
      write(key, row)
      rows[job] = nil
    end
  end
end

-- Pushes the jobs whose row was new, each once; `rows` has their keys, and loses those that another stands for.
local function push(jobs, rows)
  local batch, is_in = {}, {}
  local function send()
    local standing, unique = Insert.all(batch)
    skip(rows, batch, standing, unique)
    batch = {}
  end
  for _, job in ipairs(jobs) do
    if rows[job.id] and not is_in[job.id] then
      is_in[job.id] = true
      batch[#batch + 1] = job
      if #batch == 1000 then
        send()
      end
    end
  end
  if #batch > 0 then
    send()
  end
end

-- Notes a row that is new.
function Ledger.add(key, words, reason)
  set[#set + 1] = key
  set[#set + 1] = recorded_at .. ' ' .. words .. ' - - - ' .. (reason and '+' .. reason or '-')
  listed[#listed + 1] = 0
  listed[#listed + 1] = key
  local _, request = asked(key)
  if request then
    requests[#requests + 1] = 0
    requests[#requests + 1] = request
  end
end

-- Writes the rows that were noted.
function Ledger.write()
  in_parts('HSET', P .. 'occurrences', set)
  in_parts('ZADD', P .. 'ledger', listed)
  in_parts('ZADD', P .. 'requests', requests)
  set, listed, requests = {}, {}, {}
end

-- Inserts rows, each {key, words, reason}, that are new, and the jobs whose row was.
-- `once`: nothing; `request` where a request is no row but its first, `dispatch` where none is for what was dispatched.
-- Returns the keys of the rows by the ids of the jobs that were pushed.
function Ledger.record(rows, jobs, once)
  local keys, known, pushed = {}, {}, {}
  for number, row in ipairs(rows) do
    keys[number] = row[1]
  end
  local found = hash_of('occurrences', keys)
  for number, row in ipairs(rows) do
    local key, words = row[1], row[2]
    if not found[number] and not known[key] and not (once and was_made(key, once)) then
      known[key] = true
      Ledger.add(key, words, row[3])
      local job = string.match(words, '^%S+ (%S+)')
      if job ~= '-' then
        pushed[job] = key
      end
      if once then
        Ledger.write()
      end
    end
  end
  Ledger.write()
  push(jobs, pushed)
  return pushed
end

-- Stores a row as it was elsewhere, if it is not there.
function Ledger.keep(key, text)
  if call('HSETNX', P .. 'occurrences', key, text) == 0 then
    return false
  end
  call('ZADD', P .. 'ledger', 0, key)
  local _, request = asked(key)
  if request then
    call('ZADD', P .. 'requests', 0, request)
  end
  return true
end

-- Returns rows as {key, text}, and after them how the job is where it is still there and so speaks for itself.
function Ledger.told(keys)
  local rows = {}
  for number, text in ipairs(hash_of('occurrences', keys)) do
    local job = text and string.match(text, '^%S+ %S+ (%S+) %S+ %S+ %S+ %S+ %- ')
    local said = job and job ~= '-' and call('HMGET', Jobs.key(job), 'state', 'started_at', 'finished_at')
    if said and said[1] then
      rows[#rows + 1] = {keys[number], text, said[1], said[2] or '-', said[3] or '-'}
    elseif text then
      rows[#rows + 1] = {keys[number], text}
    end
  end
  return rows
end

-- Returns the key of the newest row of a request, nil where there is none.
function Ledger.newest(schedule, source)
  local request = schedule .. '|' .. #source .. '|' .. source .. '|'
  local last = string.sub(request, 1, -2) .. '}'
  local found = call('ZREVRANGEBYLEX', P .. 'requests', '(' .. last, '[' .. request, 'LIMIT', 0, 1)[1]
  return found and schedule .. '|' .. string.sub(found, -NOMINAL) .. '|' .. source
end

-- Tells whether a schedule may not start another run now, by its overlap; see `Ledger.blocked` of stores/base.py.
function Ledger.blocks(schedule, overlap)
  local open = P .. 'open_runs:' .. schedule
  local from = 0
  while true do
    local places = call('ZRANGE', open, from, from + PAGE - 1)
    for _, place in ipairs(places) do
      local said = call('HMGET', Jobs.key(Jobs.id(place)), 'key', 'waits_for', 'state')
      local stands_in_the_way = overlap == 'skip' or not said[1] or overlap == 'queue_one' and said[2] == 'key'
      if said[3] and stands_in_the_way then  -- else it is gone
        return true
      end
    end
    if #places < PAGE then
      return false
    end
    from = from + PAGE
  end
end

-- Copies to the row of a job that is pruned how it ended; nothing where it has none. The job's fields are there still.
function Ledger.job_gone(job)
  if not job.schedule or not job.scheduled_for then
    return
  end
  for _, key in ipairs(beginning('ledger', job.schedule .. '|' .. nominal(job.scheduled_for) .. '|')) do
    local row = read(call('HGET', P .. 'occurrences', key))
    if row.job == job.id then
      row.status, row.started, row.finished = job.state, job.started_at or '-', job.finished_at or '-'
      write(key, row)
    end
  end
end

-- Deletes rows, but for those whose job is open.
function Ledger.forget(keys)
  for _, key in ipairs(keys) do
    local text = call('HGET', P .. 'occurrences', key)
    local job = text and read(text).job
    if text and (job == '-' or not Jobs.is_open(call('HGET', Jobs.key(job), 'state'))) then
      call('HDEL', P .. 'occurrences', key)
      call('ZREM', P .. 'ledger', key)
      local _, request = asked(key)
      if request then
        call('ZREM', P .. 'requests', request)
      end
    end
  end
end

-- Tells whether a schedule has any row.
function Ledger.has(schedule)
  return #beginning('ledger', schedule .. '|', 'LIMIT', 0, 1) > 0
end

-- Returns a page of the keys of a schedule, newest first, between two nominal times as keys have them.
function Ledger.page(schedule, after, before, limit, from)
  local first, last = '[' .. schedule .. '|' .. after, '(' .. schedule .. '|' .. before
  return call('ZREVRANGEBYLEX', P .. 'ledger', last, first, 'LIMIT', from or 0, limit)
end
