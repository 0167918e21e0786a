-- txn.lua for its commonest case: some checks, and a put of the last record checked, which has a time to live.
-- KEYS: the checked records; ARGV: their versions, the time to live in ms, the value with its new version before it.
-- Numbers are written as strings: Redis prints a Lua number by way of printf, which costs more than the command itself.
for i = 1, #KEYS do
  if redis.call('GETRANGE', KEYS[i], '0', '7') ~= ARGV[i] then return i end
end
redis.call('SET', KEYS[#KEYS], ARGV[#KEYS + 2], 'PX', ARGV[#KEYS + 1])
return 0
