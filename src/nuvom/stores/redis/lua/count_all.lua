-- needs: store
-- How many rows there are of what moves to another store, by kind.
return {
  call('HLEN', P .. 'fences'), call('ZCARD', P .. 'ledger'), call('HLEN', P .. 'tasks'), call('ZCARD', P .. 'flows'),
  call('HLEN', P .. 'paused'), call('ZCARD', P .. 'jobs'), call('ZCARD', P .. 'schedule_list'),
}
