//! What runs on the server, each script in one step.
//!
//! An entry is a hash: `v` its bytes, `t` its tags, `c` the clock at which its making began. A tag is a
//! hash: `e` and `s` the clock at which it was last expired and made stale, `l` the time from which what
//! was made before `n` is gone. The clock is the server's time in microseconds, and never stands still:
//! each invalidation takes a later one.

use byway_config::limits::CACHE_SHARED_TAG_MAX;
use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script, ScriptInvocation};

use crate::tags::{Change, TagChange};

/// Both scripts that judge an entry begin with this. An equal clock counts as invalidated.
const JUDGE: &str = "
local function clock(key)
  local t = redis.call('TIME')
  local now = t[1] * 1000000 + t[2]
  local last = tonumber(redis.call('GET', key) or '0')
  if last > now then return last end
  return now
end
local function judge(prefix, tag, made, now)
  local r = redis.call('HMGET', prefix .. tag, 'e', 's', 'l', 'n')
  if r[1] and tonumber(r[1]) >= made then return 0 end
  if r[3] and tonumber(r[3]) <= now and tonumber(r[4]) >= made then return 0 end
  if r[2] and tonumber(r[2]) >= made then return 2 end
  return 1
end
";

const GET: &str = "
local now = clock(ARGV[2])
local shown = string.format('%.0f', now)
local entry = redis.call('HMGET', KEYS[1], 'v', 't', 'c')
if not entry[1] or not entry[2] or not entry[3] then return {tonumber(shown), 0, false} end
local made = tonumber(entry[3])
if not made then return {tonumber(shown), 0, false} end
local state = 1
local function consider(tag)
  local s = judge(ARGV[1], tag, made, now)
  if s == 0 then state = 0 elseif s == 2 and state == 1 then state = 2 end
end
for tag in string.gmatch(entry[2], '[^\\n]+') do consider(tag) end
for i = 3, #ARGV do consider(ARGV[i]) end
if state == 0 then return {tonumber(shown), 0, false} end
return {tonumber(shown), state, entry[1]}
";

const PUT: &str = "
local made = tonumber(ARGV[2])
local tags = {}
for i = 5, #ARGV do
  if judge(ARGV[1], ARGV[i], made, made) ~= 1 then return end
  tags[#tags + 1] = ARGV[i]
end
redis.call('HSET', KEYS[1], 'v', ARGV[4], 't', table.concat(tags, '\\n'), 'c', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
";

const INVALIDATE: &str = "
local now = clock(KEYS[1])
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
if last >= now then now = last + 1 end
local shown = string.format('%.0f', now)
redis.call('SET', KEYS[1], shown, 'EX', ARGV[4])
for i = 5, #ARGV, 3 do
  local key = ARGV[1] .. ARGV[i]
  if ARGV[i + 1] == 'e' then
    redis.call('HSET', key, 'e', shown)
  else
    redis.call('HSET', key, 's', shown)
    local at = ARGV[i + 2]
    local known = redis.call('HGET', key, 'l')
    if at ~= '' and not (known and tonumber(known) <= tonumber(at)) then
      redis.call('HSET', key, 'l', at, 'n', shown)
    end
  end
  redis.call('EXPIRE', key, ARGV[4])
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
";

/// Removes every entry of a prefix.
const DROP_ALL: &str = "
local cursor = '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = page[1]
  if #page[2] > 0 then redis.call('UNLINK', unpack(page[2])) end
until cursor == '0'
";

#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) get: Script,
    pub(super) put: Script,
    pub(super) invalidate: Script,
    drop_all: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let judged = |script| Script::new(&format!("{JUDGE}{script}"));
        Self {
            get: judged(GET),
            put: judged(PUT),
            invalidate: judged(INVALIDATE),
            drop_all: Script::new(DROP_ALL),
        }
    }

    /// Removes every entry, when it is not known any more what was invalidated.
    pub(super) async fn drop_all(
        &self,
        connection: &mut MultiplexedConnection,
        prefix: &str,
    ) -> Result<(), RedisError> {
        self.drop_all.arg(format!("{prefix}:e:*")).invoke_async(connection).await
    }
}

/// The arguments of `INVALIDATE` that say what changes.
pub(super) fn push_changes(call: &mut ScriptInvocation<'_>, changes: &[TagChange]) {
    call.arg(CACHE_SHARED_TAG_MAX.as_secs());
    for change in changes {
        call.arg(&*change.tag);
        match change.change {
            Change::Expire => call.arg("e").arg(""),
            Change::Stale { gone_at_ms } => {
                // The scripts count in microseconds.
                call.arg("s").arg(gone_at_ms.map_or(String::new(), |at| format!("{at}000")))
            }
        };
    }
}
