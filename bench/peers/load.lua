-- What each thread of wrk runs: the requests of one workload in turns, and at
-- the end one line of JSON. Arguments: method, size of the body, file of paths.

local requests, turn = {}, 0

function init(args)
  wrk.method = args[1]
  local size = tonumber(args[2])
  if size > 0 then
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = '{"text":"' .. string.rep("x", size - 11) .. '"}'
  end
  for path in io.lines(args[3]) do
    requests[#requests + 1] = wrk.format(nil, path)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format('\n{"requests":%d,"micros":%d,"failed":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
