-- needs: store
-- What is done for every job that ends, whatever it was: it is counted for a while, and sleepers are woken.
local SLICE = 10 * 1000000  -- what is counted together in the throughput of a queue

-- Counts what ended in a queue, for as long as it is asked for.
function Ended.count(queue, state, number)
  local key = P .. 'ended:' .. int(now - now % SLICE)
  call('HINCRBY', key, state .. ':' .. queue, number)
  call('EXPIRE', key, 7200)
end

-- Wakes those who sleep until jobs are final, each given by its place.
function Ended.tell(places)
  if call('EXISTS', P .. 'waited') == 0 then
    return
  end
  for _, place in ipairs(places) do
    local key = P .. 'waiters:' .. string.sub(place, 13)
    local ears = call('ZRANGEBYSCORE', key, int(now), '+inf')
    for _, ear in ipairs(ears) do
      Wake.say(ear)
    end
    if #ears > 0 then
      call('DEL', key)
    end
  end
end
