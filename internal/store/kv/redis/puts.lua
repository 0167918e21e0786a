-- txn.lua for its commonest case, for many transactions at a time: each some checks, and a put of the last record checked,
-- which has a time to live. Each stands for itself: one that fails does not keep the others from being written.
-- KEYS: the checked records of all; ARGV: of each, how many they are, their versions, the time to live in ms, the value with
-- its new version before it. The answer has a number for each: of the check that failed, 0 when it was written.
-- Numbers are written as strings: Redis prints a Lua number by way of printf, which costs more than the command itself.
local call, pcall, keys, argv, out = redis.call, redis.pcall, KEYS, ARGV, {}
local k, a, last, item = 0, 0, #keys, 0
while k < last do
  local n, failed = tonumber(argv[a + 1]), 0
  for i = 1, n do -- a record of another type is an error table, which equals no version
    if pcall('GETRANGE', keys[k + i], '0', '7') ~= argv[a + 1 + i] then failed = i; break end
  end
  k, a = k + n, a + n + 3
  if failed == 0 then call('SET', keys[k], argv[a], 'PX', argv[a - 1]) end
  item = item + 1
  out[item] = failed
end
return out
