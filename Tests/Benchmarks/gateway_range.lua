-- wrk script: closed-loop linearizable ranges of single keys (those of gateway_put), through etcd's JSON gateway.
local n = math.random(0, 9999)
local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
function request()
  n = (n + 1) % 10000
  local a, b, c = n % 52 + 1, math.floor(n / 52) % 52 + 1, math.floor(n / 2704) + 1
  local key = "a" .. digits:sub(a, a) .. digits:sub(b, b) .. digits:sub(c, c)
  return wrk.format("POST", "/v3/kv/range", nil, '{"key":"' .. key .. '"}')
end
local bad = 0
function response(status) if status >= 300 then bad = bad + 1; if bad < 4 then io.stderr:write("status ", status, "\n") end end end
