-- needs: store, jobs, ledger
-- The row of the key ARGV[2].
return Ledger.told({ARGV[2]})
