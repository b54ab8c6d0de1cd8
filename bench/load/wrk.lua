-- Arguments: bytes to upload, `close` or `keep-alive`, paths to go round through.
local requests = {}
local at = 0

function init(args)
  local headers = {}
  local body = nil
  local method = 'GET'
  if args[2] == 'close' then headers['Connection'] = 'close' end
  if tonumber(args[1]) > 0 then
    body = string.rep('x', tonumber(args[1]))
    method = 'POST'
    headers['Content-Type'] = 'application/octet-stream'
  end
  if #args < 3 then args[3] = wrk.path end
  for i = 3, #args do
    table.insert(requests, wrk.format(method, args[i], headers, body))
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT %d %d %f %f %f\n', summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
