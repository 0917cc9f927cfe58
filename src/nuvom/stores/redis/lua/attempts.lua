-- needs: store
-- How attempts of the job ARGV[2] ended without success, oldest first: JSON of number, worker, start, end and error.
return call('LRANGE', P .. 'attempts:' .. ARGV[2], 0, -1)
