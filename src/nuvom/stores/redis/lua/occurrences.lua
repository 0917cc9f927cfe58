-- needs: store, jobs, ledger
-- A page of a schedule's rows, newest first. ARGV: 2 schedule, 3 from which nominal time, 4 before which, 5 how many.
return Ledger.told(Ledger.page(ARGV[2], ARGV[3], ARGV[4], ARGV[5]))
