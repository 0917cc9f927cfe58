-- needs: store, jobs, upkeep
-- Forget, of the next flows after the entry ARGV[2], at most ARGV[3], those that say nothing their next job needs to know,
-- and give on the places of jobs that are gone in those that are waited for. Returns the last entry that was looked at,
-- empty at the end.
local from = ARGV[2] == '' and '-' or '(' .. ARGV[2]
local page = call('ZRANGEBYLEX', P .. 'flows', from, '+', 'LIMIT', 0, tonumber(ARGV[3]))
local counted, counts = false, nil
for _, entry in ipairs(page) do
  if Upkeep.is_waited_for(entry) then
    if not counted then
      counted, counts = true, Upkeep.running()
    end
    Upkeep.mend(entry, counts)
  else
    Upkeep.forget(entry)
  end
end
Jobs.settle()
return #page < tonumber(ARGV[3]) and '' or page[#page]
