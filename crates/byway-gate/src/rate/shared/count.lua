-- Counts one request against several limits in one step: all of them let it pass, or it counts for none.
--
-- KEYS: one counter for each limit. ARGV: for each limit its algorithm ('f', 's' or 'g'), limit, window in
-- microseconds and burst. The answer: for each limit whether it lets the request pass (1 or 0), how many
-- more may pass, and the microseconds until the whole limit is there again and until one more may pass.
-- The algorithms are those of `algorithm.rs`; the time is the server's, so that clocks of machines do not
-- matter. A counter that is further in the future than its window, because the server's own clock went
-- back, is forgotten: it would lock its client out until then.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function fixed(state, limit, window)
  local start, count = now, 0
  if state[1] and math.abs(now - state[1]) < window then start, count = state[1], state[2] end
  local passes = count < limit
  if passes then count = count + 1 end
  local left = start + window - now
  return passes, limit - count, left, passes and 0 or left, { start, count }, left
end

local function sliding(state, limit, window)
  local start, count, before = now, 0, 0
  if state[1] then
    local age = math.floor((now - state[1]) / window)
    if age == 0 or age == -1 then
      start, count, before = state[1], state[2], state[3]
    elseif age == 1 then
      start, count, before = state[1] + window, 0, state[2]
    end
  end
  local elapsed = math.max(now - start, 0)
  local share = math.max(window - elapsed, 0) / window
  -- Rounded up, so that a fraction of a request counts as one.
  local used = count + math.ceil(before * share - 0.000001)
  local passes = used < limit
  local left = limit - used
  if passes then
    count = count + 1
    left = left - 1
  end
  local retry = 0
  if not passes then
    local function fades(of, to) return math.ceil(math.max(of - to, 0) * window / math.max(of, 1)) end
    if count < limit then
      retry = math.max(fades(before, limit - 1 - count) - elapsed, 0)
    else
      retry = math.max(window - elapsed, 0) + fades(count, limit - 1)
    end
  end
  local reset = start + 2 * window - now
  return passes, math.max(left, 0), reset, retry, { start, count, before }, reset
end

local function gcra(state, limit, window, burst)
  local interval = window / limit
  local tolerance = interval * burst
  local arrival = state[1] or 0
  if arrival > now + tolerance + window then arrival = now end
  local base = math.max(arrival, now)
  local opens = base + interval - tolerance
  local passes = now >= opens
  arrival = passes and base + interval or base
  local left = math.floor(math.max(now + tolerance - arrival, 0) / interval)
  return passes, left, arrival - now, passes and 0 or opens - now, { arrival }, arrival - now
end

local algorithms = { f = fixed, s = sliding, g = gcra }
local reply, writes, all = {}, {}, true
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 4
  local state = {}
  -- What is no counter, whoever put it there, counts as none.
  local kept = redis.call('TYPE', key).ok == 'string' and redis.call('GET', key) or ''
  for number in string.gmatch(kept, '[%d.]+') do state[#state + 1] = tonumber(number) end
  local algorithm = ARGV[at + 1]
  if algorithm ~= 'g' and #state < (algorithm == 's' and 3 or 2) then state = {} end
  local passes, left, reset, retry, next, lives = algorithms[algorithm](
    state, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]))
  all = all and passes
  for n, number in ipairs(next) do next[n] = string.format('%.2f', number) end
  writes[i] = { key, table.concat(next, ' '), string.format('%.0f', math.max(math.ceil(lives / 1000), 1)) }
  reply[at + 1], reply[at + 2] = passes and 1 or 0, left
  reply[at + 3], reply[at + 4] = math.max(reset, 0), math.max(retry, 0)
end
if all then
  for _, write in ipairs(writes) do redis.call('SET', write[1], write[2], 'PX', write[3]) end
end
return reply
