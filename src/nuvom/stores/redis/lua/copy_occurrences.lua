-- needs: store, ledger
-- Store rows of the ledger as they were elsewhere; what is there stays. ARGV, of each: its key and its text. Returns how many
-- were new.
local new = 0
for at = 2, #ARGV, 2 do
  if Ledger.keep(ARGV[at], ARGV[at + 1]) then
    new = new + 1
  end
end
return new
