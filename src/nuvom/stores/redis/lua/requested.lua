-- needs: store, jobs, ledger
-- The newest row of a request. ARGV: 2 schedule, 3 source.
return Ledger.told({Ledger.newest(ARGV[2], ARGV[3])})
