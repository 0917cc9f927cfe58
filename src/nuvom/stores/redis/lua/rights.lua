-- needs: store
-- Which commands of scripts this user may not run. ARGV[2] is a random word. A script that is refused one halfway would leave
-- half of what it does: so all are tried first, on keys that are nobody's.
local text, number, hash, set, zset, list = 'text', 'number', 'hash', 'set', 'zset', 'list'
local TRIED = {
  {'SCAN', '0'}, {'SET', text, '1', 'PX', '60000'}, {'GET', text}, {'MSET', text, '1'}, {'MGET', text}, {'INCR', number},
  {'INCRBY', number, '1'}, {'EXISTS', text}, {'EXPIRE', text, '60'}, {'PEXPIRE', text, '60000'},
  {'HSET', hash, 'a', '1'}, {'HSETNX', hash, 'b', '1'}, {'HGET', hash, 'a'}, {'HMGET', hash, 'a'}, {'HGETALL', hash},
  {'HVALS', hash}, {'HKEYS', hash}, {'HLEN', hash}, {'HEXISTS', hash, 'a'}, {'HSCAN', hash, '0'}, {'HINCRBY', hash, 'a', '1'},
  {'HDEL', hash, 'b'},
  {'SADD', set, 'a'}, {'SCARD', set}, {'SISMEMBER', set, 'a'}, {'SMEMBERS', set}, {'SRANDMEMBER', set}, {'SSCAN', set, '0'},
  {'SREM', set, 'a'},
  {'ZADD', zset, '1', 'a'}, {'ZINCRBY', zset, '1', 'a'}, {'ZCARD', zset}, {'ZCOUNT', zset, '0', '1'}, {'ZSCORE', zset, 'a'},
  {'ZMSCORE', zset, 'a'}, {'ZRANK', zset, 'a'}, {'ZLEXCOUNT', zset, '-', '+'}, {'ZRANGE', zset, '0', '0'},
  {'ZREVRANGE', zset, '0', '0'}, {'ZRANGEBYSCORE', zset, '0', '1'}, {'ZREVRANGEBYSCORE', zset, '1', '0'},
  {'ZRANGEBYLEX', zset, '-', '+'}, {'ZREVRANGEBYLEX', zset, '+', '-'}, {'ZSCAN', zset, '0'},
  {'ZREMRANGEBYSCORE', zset, '5', '6'}, {'ZREMRANGEBYRANK', zset, '5', '6'}, {'ZPOPMIN', zset}, {'ZREM', zset, 'a'},
  {'LPUSH', list, 'a'}, {'RPUSH', list, 'a'}, {'LLEN', list}, {'LRANGE', list, '0', '0'}, {'LTRIM', list, '0', '0'},
  {'LPOP', list}, {'RENAME', list, number}, {'DEL', list}, {'UNLINK', text, number, hash, set, zset, list},
}
local KEYS_OF = {text = true, number = true, hash = true, set = true, zset = true, list = true}
local missing = {}
for _, words in ipairs(TRIED) do
  for place = 2, #words do
    words[place] = KEYS_OF[words[place]] and P .. 'rights:' .. ARGV[2] .. ':' .. words[place] or words[place]
  end
  local answer = redis.pcall(unpack(words))
  local said = type(answer) == 'table' and answer.err or ''
  if string.find(said, 'NOPERM') or string.find(said, 'ACL failure') or string.find(said, "can't run this command") then
    missing[#missing + 1] = words[1]
  end
end
return missing
