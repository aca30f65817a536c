# short: total_bytes=m kernel_release=k newest=n
exec 2>/dev/null
s() { printf '\000%s\000' "$1"; }
s uname; uname -a
s os; cat /etc/os-release || cat /usr/lib/os-release
s uptime; uptime
s nproc; nproc || getconf _NPROCESSORS_ONLN || sysctl -n hw.ncpu || grep -c '^processor' /proc/cpuinfo
# The name of the first processor; ARM kernels say Model or Hardware.
s cpu; grep -m1 -E '^(model name|Model|Hardware)[[:space:]]*:' /proc/cpuinfo || sysctl -n machdep.cpu.brand_string
s load; cut -d' ' -f1-3 /proc/loadavg || sysctl -n vm.loadavg
s mem; grep -E '^(MemTotal|MemAvailable|MemFree|SwapTotal|SwapFree):' /proc/meminfo || { total_bytes=$(sysctl -n hw.memsize || sysctl -n hw.physmem) && echo "MemTotal: $((total_bytes/1024)) kB"; }
s reboot; kernel_release=$(uname -r); if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; then echo yes; echo '/run/reboot-required is there'; cat /run/reboot-required.pkgs
elif command -v needs-restarting >/dev/null; then within 50 needs-restarting -r >/dev/null; case $? in 0) echo no;; 1) echo yes; echo 'needs-restarting says so';; esac
elif [ -e "/boot/vmlinuz-$kernel_release" ]; then newest=$(ls -t /boot/vmlinuz-* | head -n 1); newest=${newest#/boot/vmlinuz-}; if [ "$newest" = "$kernel_release" ]; then echo no; else echo yes; echo "kernel $newest is installed, and $kernel_release runs"; fi; fi
s fqdn; within 20 hostname -f || hostname
exit 0
