# shellcheck shell=sh
sum() { if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi 2>/dev/null | cut -d " " -f 1; }
