# Rows `pid ppid user pcpu pmem rss comm`; behind a NUL rows `pid arguments`; behind another what services.sh says, which stands
# before this.
#
# short: process=d words=a
ps -Ao pid,ppid,user,%cpu,%mem,rss,comm 2>/dev/null && { printf '\0'; ps -Awwo pid,args 2>/dev/null; services; exit 0; }
# BusyBox: no pcpu; the share of one processor since each process began, from /proc.
tick=$(getconf CLK_TCK 2>/dev/null || echo 100)
read -r up rest </proc/uptime || exit 1
mem=$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)
for process in /proc/[0-9]*; do
  cat "$process/stat" 2>/dev/null || continue
  stat -c 'owner %U' "$process" 2>/dev/null || echo 'owner ?'
done | awk -v tick="$tick" -v up="${up%.*}" -v mem="$mem" '
  /^owner / { if (pid != "") print pid, ppid, $2, cpu, share, rss, comm; pid = ""; next }
  { pid = $1; comm = $0; sub(/^[^(]*\(/, "", comm); sub(/\)[^)]*$/, "", comm)
    line = $0; sub(/^.*\) /, "", line); n = split(line, f, " "); ppid = f[2]; rss = f[22] * 4
    age = up - f[20] / tick; cpu = age > 0 ? sprintf("%.1f", (f[12] + f[13]) / tick / age * 100) : "0.0"
    share = mem > 0 ? sprintf("%.1f", rss / mem * 100) : "0.0" }'
printf '\0'
for process in /proc/[0-9]*; do
  words=$(tr '\0\n' '  ' <"$process/cmdline") 2>/dev/null && [ -z "$words" ] || printf '%s %s\n' "${process#/proc/}" "$words"
done 2>/dev/null
exit 0
