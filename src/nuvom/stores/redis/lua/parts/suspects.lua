-- needs: store
-- Jobs that were running when a process died: each is claimed alone. Few, so that every queue has one index of them.

function Suspects.key(queue)
  return P .. 'suspects:' .. queue
end

function Suspects.add(job)
  call('ZADD', Suspects.key(job.queue), job.run_at, job.place)
  call('SADD', P .. 'suspect_queues', job.queue)
  Wake.say('worker')
end

function Suspects.remove(job)
  local key = Suspects.key(job.queue)
  call('ZREM', key, job.place)
  if call('EXISTS', key) == 0 then
    call('SREM', P .. 'suspect_queues', job.queue)
  end
end
