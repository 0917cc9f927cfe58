-- needs: store, jobs, unique, ledger
-- Forgetting final jobs, and with them all that is kept of them but their end, which stays in the ledger.

local function leave(job)
  if job.schedule then
    call('ZREM', P .. 'runs:' .. job.schedule, job.place)
    Ledger.job_gone(job)
  end
  if job.unique then
    Unique.gone(job)
  end
  if job.state == 'failed' then
    call('ZREM', P .. 'untold:' .. job.task, job.id)
  end
  Jobs.count(job.queue, job.state, -1)
end

-- Forgets final jobs, and what is left of those that are gone already. `Jobs.settle` follows in the same script.
function Pruning.forget(places)
  local keys = {}
  for _, place in ipairs(places) do
    local id = Jobs.id(place)
    local job = Jobs.read(id)
    if job then
      leave(job)
    end
    for _, kind in ipairs({'body:', 'large:', 'attempts:'}) do
      keys[#keys + 1] = P .. kind .. id
    end
    keys[#keys + 1] = Jobs.key(id)
  end
  in_parts('ZREM', P .. 'jobs', places)
  in_parts('ZREM', P .. 'failed', places)
  for from = 1, #keys, 1000 do
    call('UNLINK', unpack(keys, from, math.min(from + 999, #keys)))
  end
end
