-- The members of a sorted set behind a cursor, which need not be a member any more.
-- ARGV: min, max, limit, '1' for descending, the cursor's score and member
local function lt(x, y) -- Lua compares strings by the server's locale, Redis by bytes
  for i = 1, math.min(#x, #y) do
    local p, q = x:byte(i), y:byte(i)
    if p ~= q then return p < q end
  end
  return #x < #y
end
local key, limit, down, score, member = KEYS[1], tonumber(ARGV[3]), ARGV[4] == '1', ARGV[5], ARGV[6]
local lo = redis.call('ZCOUNT', key, '-inf', '(' .. score)
local hi = lo + redis.call('ZCOUNT', key, score, score)
while lo < hi do -- lo becomes the number of members before the answer, or in it when descending
  local mid = math.floor((lo + hi) / 2)
  local m = redis.call('ZRANGE', key, mid, mid)[1]
  if lt(m, member) or not down and m == member then lo = mid + 1 else hi = mid end
end
if down then
  local first = redis.call('ZCARD', key) - math.min(lo, redis.call('ZCOUNT', key, '-inf', ARGV[2]))
  return redis.call('ZREVRANGE', key, first, first + limit - 1, 'WITHSCORES')
end
lo = math.max(lo, redis.call('ZCOUNT', key, '-inf', '(' .. ARGV[1]))
return redis.call('ZRANGE', key, lo, lo + limit - 1, 'WITHSCORES')
