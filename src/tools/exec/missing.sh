# Where a program is that the search path does not lead to. $1: its name. At most five places, one a line.
set -f
w=$1 n=0
look() { for d do
[ $n -lt 5 ] || return 0
if [ -f "$d/$w" ] && [ -x "$d/$w" ]; then n=$((n+1)); printf '%s\n' "$d/$w"; fi
done; }
h=${HOME:-/nonexistent}
look /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin /snap/bin /usr/games "$h/.local/bin" "$h/bin" "$h/.cargo/bin" "$h/go/bin" "$h/.npm-global/bin" "$h/.yarn/bin" "$h/.deno/bin" "$h/.bun/bin" "$h/.pyenv/shims" "$h/.rbenv/shims" "$h/.asdf/shims" "$h/miniconda3/bin" "$h/anaconda3/bin" /usr/local/go/bin /home/linuxbrew/.linuxbrew/bin /opt/homebrew/bin /opt/local/bin /opt/bin /opt/sbin /usr/pkg/bin
set +f
look "$h"/.nvm/versions/node/*/bin "$h"/.sdkman/candidates/*/current/bin /opt/*/bin /opt/*/sbin /usr/lib/*/bin /usr/local/*/bin
exit 0
