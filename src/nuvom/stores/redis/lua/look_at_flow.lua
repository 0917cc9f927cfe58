-- needs: store
-- How full the flow of ARGV[2] is: concurrency, rate, how many are ready and running, when it opens. Empty where none is known.
local flow = ARGV[2]
local row = call('HMGET', P .. 'flow:' .. flow, 'task', 'concurrency', 'rate', 'running')
if not row[1] then
  return {}
end
return {row[2], row[3], call('SCARD', P .. 'granted:' .. flow), tonumber(row[4] or 0), call('ZSCORE', P .. 'opening', flow)}
