-- needs: store, flows
-- Forget, of the next flows after the entry ARGV[2], at most ARGV[3], those that say nothing their next job needs to know.
-- Returns the last entry that was looked at, empty at the end.
local from = ARGV[2] == '' and '-' or '(' .. ARGV[2]
local page = call('ZRANGEBYLEX', P .. 'flows', from, '+', 'LIMIT', 0, tonumber(ARGV[3]))
for _, entry in ipairs(page) do
  Flows.forget(entry)
end
return #page < tonumber(ARGV[3]) and '' or page[#page]
