# Recipes for the audit file of ssh-mcp. Each is a filter over the stream of lines:
#
#   jq -n -L contrib 'include "audit"; failures' audit.jsonl
#
# The lines on stderr work too, once the log's own prefix is cut: sed -n 's/^.* ssh_mcp\.audit: //p' server.log

# The lines about calls, without those about the trail itself.
def calls: inputs | select(.tool);

# Calls from the last N seconds.
def last($seconds): calls | select(.ts >= now - $seconds);

# What failed: when, where, and by which error.
def failures: calls | select(.result == "error") | {time: (.ts | todate), tool, host, error, correlation_id};

# What the operator's policy or a gate refused.
def refusals:
  failures | select(.error | IN("HostNotAllowed", "HostBlocked", "PathNotAllowed", "PathRestricted",
    "RedactBypassBlocked", "LocalPathPolicyError", "CommandNotAllowed", "CommandIsCheatsheetMatch",
    "TierNotAllowed", "GateRefused", "AuditUnavailable"));

# Calls, errors and the slowest call of each tool.
def by_tool:
  [calls] | group_by(.tool) | map({tool: .[0].tool, calls: length,
    errors: (map(select(.result == "error")) | length), slowest_ms: (map(.duration_ms) | max)})
  | sort_by(-.calls)[];

# The same of each host.
def by_host:
  [calls] | group_by(.host) | map({host: .[0].host, calls: length,
    errors: (map(select(.result == "error")) | length)}) | sort_by(-.calls)[];

# Every line of one call, by the id that the caller was given.
def call($id): calls | select(.correlation_id == $id);

# What ran as root, and what delivered raw content of redact-listed paths.
def root: calls | select(.tier == "sudo" or .sudo);
def bypasses: calls | select(.redact_bypass);

# The N slowest calls.
def slowest($n): [calls] | sort_by(-.duration_ms)[:$n][];

# Everything done to the path whose digest stands on a line: same digest, same path.
def on_path($hash): calls | select(.path_hash == $hash or (.path_hashes // [] | index($hash)));

# Calls an hour, by tier.
def by_hour:
  [calls] | group_by(.ts / 3600 | floor) | map({hour: (.[0].ts / 3600 | floor * 3600 | todate)} +
    (group_by(.tier) | map({key: .[0].tier, value: length}) | from_entries))[];
