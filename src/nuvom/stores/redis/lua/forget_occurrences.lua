-- needs: store, jobs, ledger
-- Forget the rows of the keys that ARGV[2] has as JSON, but for those whose job was retried since they were read.
Ledger.forget(cjson.decode(ARGV[2]))
return 1
