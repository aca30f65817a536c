# shellcheck shell=sh disable=SC2154
# $2: md5, sha1, sha256 or sha512. Answers the size and the digest.
#
# short: opened=F size=s digest=d
if command -v "$2sum" >/dev/null 2>&1; then digest=$("$2sum" <&8) || exit 96
elif command -v shasum >/dev/null 2>&1 && [ "$2" != md5 ]; then digest=$(shasum -a "${2#sha}" <&8) || exit 96
elif command -v "$2" >/dev/null 2>&1; then digest=$("$2" -q <&8) || exit 96
elif command -v openssl >/dev/null 2>&1; then digest=$(openssl dgst "-$2" <&8) || exit 96; digest=${digest##* }
else echo "the host has neither $2sum nor shasum nor openssl" >&2; exit 97; fi
echo "$size ${digest%% *}"
