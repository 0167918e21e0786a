-- KEYS: checks, puts, deletes, indexes to add to, removes, appends; ARGV: how many of each, then their arguments in the
-- same order; an index to add to has the number of its scores and members before them. Where a constant is a number for
-- Redis it is written as a string: Redis prints a Lua number by way of printf, which costs more than the command itself.
local call, n, k, a, out, seen = redis.call, {}, 0, 6, {}, {}
for i = 1, 6 do n[i] = tonumber(ARGV[i]) end
for i = 1, n[1] do
  if call('GETRANGE', KEYS[i], '0', '7') ~= ARGV[a + i] then return i end
end
k, a = n[1], a + n[1]
for i = 1, n[2] do -- everything that can fail comes before the first write
  local old = call('GETRANGE', KEYS[k + i], '0', '7')
  out[i] = old == '' and 1 or struct.unpack('>I8', old) + 1
end
for i = k + n[2] + n[3] + 1, #KEYS - n[6] do
  if not seen[KEYS[i]] then call('ZCARD', KEYS[i]); seen[KEYS[i]] = true end
end
for i = #KEYS - n[6] + 1, #KEYS do call('XLEN', KEYS[i]) end
for i = 1, n[2] do
  local key, ttl, value = KEYS[k + i], ARGV[a + 2 * i - 1], struct.pack('>I8', out[i]) .. ARGV[a + 2 * i]
  if ttl == '' then call('SET', key, value)
  elseif ttl == '0' then call('DEL', key)
  else call('SET', key, value, 'PX', ttl) end
end
k, a = k + n[2], a + 2 * n[2]
for i = 1, n[3] do call('DEL', KEYS[k + i]) end
k = k + n[3]
for i = 1, n[4] do
  local last = a + 1 + tonumber(ARGV[a + 1])
  call('ZADD', KEYS[k + i], unpack(ARGV, a + 2, last))
  a = last
end
k = k + n[4]
for i = 1, n[5] do call('ZREM', KEYS[k + i], ARGV[a + i]) end
k, a = k + n[5], a + n[5]
for i = 1, n[6] do
  local key, keep, value = KEYS[k + i], ARGV[a + 2 * i - 1], ARGV[a + 2 * i]
  if keep == '0' then out[#out + 1] = call('XADD', key, '*', 'v', value)
  else out[#out + 1] = call('XADD', key, 'MAXLEN', '~', keep, '*', 'v', value) end
end
return out
