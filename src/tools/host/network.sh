ip -j addr show 2>/dev/null && exit
ip addr show
