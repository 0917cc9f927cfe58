-- needs: store
-- Somebody woke, or gave up. ARGV: 2 JSON of the ids of the jobs, 3 the ear.
for _, id in ipairs(cjson.decode(ARGV[2])) do
  call('ZREM', P .. 'waiters:' .. id, ARGV[3])
end
return 1
