exec 2>/dev/null
s() { printf '\000%s\000' "$1"; }
s uname; uname -a
s os; cat /etc/os-release || cat /usr/lib/os-release
s uptime; uptime
s nproc; nproc || getconf _NPROCESSORS_ONLN || sysctl -n hw.ncpu || grep -c '^processor' /proc/cpuinfo
# The name of the first processor; ARM kernels say Model or Hardware.
s cpu; grep -m1 -E '^(model name|Model|Hardware)[[:space:]]*:' /proc/cpuinfo || sysctl -n machdep.cpu.brand_string
s fqdn; within 20 hostname -f || hostname
exit 0
