-- needs: store, schedules
-- A step through the active cron schedules with a run ahead that another release than ARGV[2] computed. ARGV: 3 the release in
-- which it goes on, 4 where. Returns both for the next step (nothing: that was all), and ids, heads and definitions.
local zones = call('SMEMBERS', P .. 'zones')
table.sort(zones)
for _, zone in ipairs(zones) do
  if zone ~= ARGV[2] and zone >= ARGV[3] then
    local page = call('SSCAN', P .. 'zone:' .. zone, zone == ARGV[3] and ARGV[4] or '0', 'COUNT', 500)
    local found = {}
    for number, text in ipairs(Schedules.heads(page[2])) do
      local head = text and Schedules.read(text)
      if head and head.state == 'active' and tonumber(head.next_run) > now then
        found[#found + 1] = page[2][number]
      end
    end
    -- Past the end of a release comes the next one in their order.
    return {page[1] == '0' and zone .. ' ' or zone, page[1], Schedules.told(found)}
  end
end
return {'', '0', Schedules.told({})}
