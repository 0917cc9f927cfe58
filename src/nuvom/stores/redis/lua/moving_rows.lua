-- needs: store, jobs, schedules
-- All that is kept of some rows of a kind, on their way to another store. ARGV: 2 the kind, then their keys.
local keys = {unpack(ARGV, 3)}
local ways = {}

function ways.fences()
  return {hash_of('fences', keys), hash_of('fence_definitions', keys)}
end

function ways.schedules()
  return Schedules.told(keys)
end

function ways.occurrences()
  return hash_of('occurrences', keys)
end

function ways.tasks()
  return hash_of('tasks', keys)
end

function ways.paused()
  return hash_of('paused', keys)
end

function ways.flows()
  local found = {}
  for number, flow in ipairs(keys) do
    local row = call('HMGET', P .. 'flow:' .. flow, 'task', 'concurrency', 'rate', 'openings', 'starts')
    append(row, {call('ZSCORE', P .. 'opening', flow), call('ZSCORE', P .. 'shut', flow)})
    found[number] = row
  end
  return found
end

function ways.jobs()
  local found = {}
  for number, id in ipairs(keys) do
    local fields = call('HGETALL', Jobs.key(id))
    local task = as_table(fields).task
    found[number] = {
      fields, call('GET', P .. 'body:' .. id), call('HGETALL', P .. 'large:' .. id), call('LRANGE', P .. 'attempts:' .. id, 0, -1),
      task and call('ZSCORE', P .. 'untold:' .. task, id),
    }
  end
  return found
end

return ways[ARGV[2]]()
