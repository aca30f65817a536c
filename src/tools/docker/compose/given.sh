# The judged rendering is what is left on standard input.
# shellcheck disable=SC2154 # u and w come from receive.sh.
feed() { if [ -n "$u" ]; then sed "s|$u|$w|g"; else cat; fi; }
# What is there already is judged before it is started.
look
