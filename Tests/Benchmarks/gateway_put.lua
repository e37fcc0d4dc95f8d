-- wrk script: closed-loop puts of 256-byte values to 10,000 keys, through etcd's JSON gateway.
local value, n = string.rep("eHh4", 85) .. "eA==", math.random(0, 9999)
local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
function request()
  n = (n + 1) % 10000
  -- Four characters of base64 are a key of three octets.
  local a, b, c = n % 52 + 1, math.floor(n / 52) % 52 + 1, math.floor(n / 2704) + 1
  local key = "a" .. digits:sub(a, a) .. digits:sub(b, b) .. digits:sub(c, c)
  return wrk.format("POST", "/v3/kv/put", nil, '{"key":"' .. key .. '","value":"' .. value .. '"}')
end
local bad = 0
function response(status) if status >= 300 then bad = bad + 1; if bad < 4 then io.stderr:write("status ", status, "\n") end end end
