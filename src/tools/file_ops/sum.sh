# shellcheck shell=sh
sum() { if command -v sha256sum >/dev/null 2>&1; then sha256sum; elif command -v shasum >/dev/null 2>&1; then shasum -a 256; else sha256 -q; fi 2>/dev/null | cut -d " " -f 1; }
