-- needs: store
-- Microseconds until the next run of all; nothing where there is none.
local first = call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')
return first[2] and int(first[2] - now)
