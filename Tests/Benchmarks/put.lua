-- wrk script: closed-loop PUTs of 256-byte values to 10,000 keys.
local value, n = string.rep("x", 256), math.random(0, 9999)
function request()
  n = (n + 1) % 10000
  return wrk.format("PUT", string.format("/api/v1/kv/bench/%08d", n), nil, value)
end
local bad = 0
function response(status) if status >= 300 then bad = bad + 1; if bad < 4 then io.stderr:write("status ", status, "\n") end end end
